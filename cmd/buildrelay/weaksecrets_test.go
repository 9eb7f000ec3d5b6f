package main

import (
	"bytes"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
)

// What stands in a chart or a manual is no secret, unless nobody else can use it.
func TestASecretThatEverybodyKnowsIsRefused(t *testing.T) {
	for _, secret := range []string{"REPLACE_THIS_SECRET", "app-secret", "for-development-only", "change-this-secret", "Change-Me"} {
		for listen, refused := range map[string]bool{":6001": true, "10.0.0.5:6001": true, "127.0.0.1:6001": false, "[::1]:6001": false} {
			err := checkWith(t, map[string]string{"RELAY_APP_SECRET": secret, "RELAY_LISTEN": listen})
			told := err != nil && strings.Contains(err.Error(), "RELAY_APP_SECRET is "+secret+", which stands in manuals and charts")
			if told != refused {
				t.Errorf("%s at %s: %v", secret, listen, err)
			}
			apps := []auth.App{{ID: "ci", Keys: []auth.Key{{Key: "good", Secret: "7ad3773142a6692b25b8"}, {Key: "circle", Secret: auth.Secret(secret)}}}}
			c := Config{Listen: listen, AppsFile: "apps.yaml"}
			err = c.checkSecrets(apps)
			if told := err != nil && strings.Contains(err.Error(), `RELAY_APPS_FILE: app "ci": the secret of key "circle" is `+secret); told != refused {
				t.Errorf("%s in a file, at %s: %v", secret, listen, err)
			}
		}
	}
	if err := checkWith(t, map[string]string{"RELAY_APP_SECRET": "short", "RELAY_LISTEN": ":6001"}); err != nil {
		t.Errorf("a short secret of one's own is refused: %v", err)
	}
}

// Whoever copies an example of ours and changes no secret is told so: what stands there is known.
func TestTheSecretsOfOurOwnExamplesAreKnown(t *testing.T) {
	const docs, root = "../../docs/", "../../"
	examples, err := filepath.Glob(docs + "*.md")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`(?m)(?:APP_SECRET[=:]|(?:^|[{,]) *secret:) *["']?([^\s"',#}]+)`)
	found := make(map[string]int)
	for _, file := range append(examples, docs+"apps.example.yaml", root+"README.md", root+"docker-compose.yml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range given.FindAllStringSubmatch(string(text), -1) {
			secret := match[1]
			if strings.HasPrefix(secret, "$") { // another setting
				continue
			}
			found[filepath.Base(file)]++
			if !isKnown(auth.Secret(secret)) {
				t.Errorf("%s has the secret %s, which is not among those that everybody knows", file, secret)
			}
		}
	}
	if want := map[string]int{"apps.example.yaml": 3, "MIGRATING.md": 4, "OPERATIONS.md": 1}; !maps.Equal(found, want) {
		t.Errorf("secrets were found as %v, want %v", found, want)
	}
	apps, err := appsfile.Read(docs+"apps.example.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps {
		for _, key := range app.Keys {
			if !isKnown(key.Secret) {
				t.Errorf("the secret of the example's key %s is not among those that everybody knows", key.Key)
			}
		}
	}
}

// What is good for nothing any more may stay in the file, so that its tries are counted.
func TestAKnownSecretThatOpensNothingIsNotRefused(t *testing.T) {
	key := func(name string, state auth.KeyState) auth.Key {
		return auth.Key{Key: name, Secret: "change-me", State: state}
	}
	for name, c := range map[string]struct {
		app     auth.App
		refused bool
	}{
		"active":               {auth.App{Keys: []auth.Key{key("k", auth.KeyActive)}}, true},
		"retiring":             {auth.App{Keys: []auth.Key{key("k", auth.KeyRetiring)}}, true},
		"revoked":              {auth.App{Keys: []auth.Key{key("k", auth.KeyRevoked)}}, false},
		"of a disabled app":    {auth.App{Disabled: true, Keys: []auth.Key{key("k", auth.KeyActive)}}, false},
		"revoked, and another": {auth.App{Keys: []auth.Key{key("k", auth.KeyRevoked), key("l", auth.KeyActive)}}, true},
	} {
		var out bytes.Buffer
		c.app.ID = "ci"
		config := Config{Listen: ":6001", AppsFile: "apps.yaml"}
		if err := config.checkSecrets([]auth.App{c.app}); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		warnOfSecrets([]auth.App{c.app}, slog.New(slog.NewTextHandler(&out, nil)))
		if (out.Len() > 0) != c.refused {
			t.Errorf("%s: warned of\n%s", name, out.String())
		}
	}
}

// checkWith checks settings that are right but for a change.
func checkWith(t *testing.T, change map[string]string) error {
	t.Helper()
	all := map[string]string{
		"RELAY_TLS": "off", "RELAY_ACKNOWLEDGE_INSECURE": "true", "RELAY_REDIS_URL": "redis://127.0.0.1:6379",
		"RELAY_APP_ID": "3", "RELAY_APP_KEY": "key",
	}
	maps.Copy(all, change)
	var environ []string
	for name, value := range all {
		environ = append(environ, name+"="+value)
	}
	c, err := loadConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	return c.check()
}

// Soketi's container says which of its own variables it is.
func TestAKnownSecretOfSoketisIsNamedByItsVariable(t *testing.T) {
	environ := map[string]string{"RELAY_ACKNOWLEDGE_INSECURE": "true", "RELAY_REDIS_URL": "redis://127.0.0.1:6379"}
	var list []string
	for name, value := range soketiWith(map[string]string{"SOKETI_DEFAULT_APP_SECRET": "REPLACE_THIS_SECRET"}) {
		environ[name] = value
	}
	for name, value := range environ {
		list = append(list, name+"="+value)
	}
	c, soketi, err := loadWithSoketi(list)
	if err != nil {
		t.Fatal(err)
	}
	err = soketi.explain(c.check())
	if err == nil || !strings.Contains(err.Error(), "RELAY_APP_SECRET is made of SOKETI_DEFAULT_APP_SECRET") {
		t.Errorf("it says %v", err)
	}
}

func TestSecretsThatCanBeGuessedAreWarnedOf(t *testing.T) {
	var out bytes.Buffer
	warnOfSecrets([]auth.App{{ID: "ci", Keys: []auth.Key{
		{Key: "known", Secret: "app-secret"}, {Key: "short", Secret: "123456789abcdef"}, {Key: "good", Secret: "123456789abcdef0"},
	}}}, slog.New(slog.NewTextHandler(&out, nil)))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "key=known") || !strings.Contains(lines[1], "key=short characters=15") {
		t.Errorf("warned of\n%s", out.String())
	}
	if strings.Contains(out.String(), "123456789abcdef") || strings.Contains(out.String(), "app-secret") {
		t.Errorf("a secret shows in\n%s", out.String())
	}
}
