package mask

import "strings"

// digitsAlone is how long a value of digits must be: shorter ones are dates, ports,
// sizes and line numbers, too.
const digitsAlone = 8

// ordinary says why a value is too common to be masked, "" if it is not. Masking it
// would make output unreadable, and tell what the value is.
func ordinary(v string) string {
	word := strings.ToLower(strings.Trim(joined(v), " \t\"'`,;:.=()[]{}<>"))
	switch {
	case len(word) < minLength:
		return "nothing but a few characters and punctuation"
	case strings.Count(word, word[:1]) == len(word):
		return "one character again and again"
	case len(word) < digitsAlone && strings.Trim(word, "0123456789") == "":
		return "a short number"
	case isCommon(word):
		return "a common word"
	default:
		return ""
	}
}

// isCommon reports whether a word of at least six letters is in many builds' output.
func isCommon(word string) bool {
	switch word {
	case "access", "access_token", "actions", "admin123", "administrator", "anonymous", "api_key", "apikey", "application",
		"artifact", "branch", "bundle", "changeme", "client", "commit", "config", "container", "credential",
		"credentials", "database", "debian", "default", "deploy", "deployment", "develop", "developer",
		"development", "disable", "disabled", "docker", "enable", "enabled", "example", "failed", "failure",
		"gitlab", "github", "gradle", "integration", "latest", "localhost", "master", "memory", "module", "mongodb",
		"nobody", "node_modules", "number", "object", "package", "passwd", "password", "password1", "postgres", "postgresql",
		"private", "prod-db", "produce", "production", "project", "public", "python", "rabbitmq", "readonly", "release",
		"repository", "required", "script", "secret", "secrets", "server", "service", "source", "staging", "status",
		"stderr", "stdout", "string", "success", "system", "test123", "testing", "target", "ubuntu", "undefined", "unknown",
		"username", "version", "workspace", "123456789", "1234567890", "12345678", "abcdef", "qwerty":
		return true
	default:
		return false
	}
}
