package main

import (
	"bytes"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Whatever is wrong with a setting, what is said of it does not show the secret in it.
func TestNoSecretShowsInWhatIsSaidOfWrongSettings(t *testing.T) {
	c := relaytest.NewCanaries()
	secret := c.Make("secret")
	short := c.Add("short secret", "Canary+short")
	escaped := strings.NewReplacer("/", "%2F", "+", "%2B").Replace(secret)
	keys := write(t, `{"primaryKeyId": 1, "key": [{"keyData": {"value": "`+secret+`"}}]}`)
	wrongs := []string{
		"REDIS_URL=redis://u:" + secret + "@127.0.0.1:port/0", "REDIS_URL=" + secret, "REDIS_URL=redis+sentinel://u:" + secret + "@h",
		"REDIS_URL=redis+cluster://u:" + escaped + "@h:1/x", "REDIS_URL=://" + secret, "REDIS_URL=redis://h/%zz" + secret,
		"AUDIT_OUTLETS=s3://a:" + secret + "@h/bucket", "AUDIT_OUTLETS=" + secret, "AUDIT_OUTLETS=syslog+udp://" + secret, "AUDIT_OUTLETS=s3://a:" + escaped + "@",
		"AUDIT_DATABASE=mysql://u:" + secret + "@h/x", "AUDIT_DATABASE=postgres://u:" + secret + "@h:port/x", "AUDIT_DATABASE=postgres://u:" + escaped + "@h/x?sslmode=no",
		"AUDIT_DATABASE=postgres:/u:" + secret + "@h/x", "ADMIN_TOKEN=" + short, "CLUSTER_SECRET=" + short,
		"APP_SECRET=sealed:" + secret, "APP_SECRET=sealed:!" + secret, "REDIS_URL=sealed:" + secret, "ADMIN_TOKEN=sealed:" + secret,
		"APP_WEBHOOKS=[{url: 'https://h/', headers: {X: '" + secret + "'}, more: 1}]", "APP_WEBHOOKS=[{url: 'https://u:" + secret + "@h/'}]",
		"APP_WEBHOOKS=[{url: 'https://h/', headers: {X: '" + secret + "\n'}}]", "APP_WEBHOOKS=" + secret + ": {", "APP_WEBHOOKS=[" + secret + "]",
		"KEYS_FILE=" + keys, "VAULT_TOKEN=" + secret, "APPS_FILE=" + write(t, "apps: [{id: a, keys: [{key: b, secret: ["+secret+"]}]}]"),
		"APPS_FILE=" + write(t, "apps: [{id: a, keys: [{key: b, secret: 'sealed:"+secret+"'}]}]"),
		"APPS_FILE=" + write(t, "apps: [{id: a, keys: [{key: b, secret_file: '"+write(t, secret+"\nand more\n")+"'}]}]"),
	}
	for _, setting := range secretSettings() {
		name := strings.TrimPrefix(setting, prefix)
		if strings.HasSuffix(name, "_FILE") {
			wrongs = append(wrongs, name+"="+write(t, secret+"\n"))
		} else if !slices.ContainsFunc(wrongs, func(wrong string) bool { return strings.HasPrefix(wrong, name+"=") }) {
			t.Errorf("RELAY_%s is a secret, and never wrong here", name)
		}
	}
	for _, wrong := range wrongs {
		said := startWith(t, wrong)
		if strings.Contains(said, secret) {
			t.Log(wrong, said)
		}
		c.Saw(strings.SplitN(wrong, "=", 2)[0], said)
	}
	for _, f := range c.Find() {
		t.Errorf("the %s shows in what is said of RELAY_%s (%s)", f.What, f.Place, f.Form)
	}
	for setting, bytes := range c.Seen() {
		if bytes < 20 && !strings.HasSuffix(setting, "_FILE") { // those are fine in part
			t.Errorf("nothing was said of RELAY_%s", setting)
		}
	}
}

// startWith is what is said of settings, one of which is wrong, up to the point where a node
// would serve.
func startWith(t *testing.T, wrong string) string {
	t.Helper()
	name, value, _ := strings.Cut(wrong, "=")
	settings := map[string]string{
		"TLS": "off", "LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "127.0.0.1:0", "REDIS_URL": "redis://127.0.0.1:1/0", "DATA_DIR": t.TempDir(),
		"NODE_URL": "http://127.0.0.1:1", "CLUSTER_SECRET": secret32, "APP_ID": "3", "APP_KEY": "key", "APP_SECRET": "secret-of-the-app",
	}
	switch name {
	case "APPS_FILE":
		maps.DeleteFunc(settings, func(name, _ string) bool { return strings.HasPrefix(name, "APP_") })
	case "VAULT_TOKEN", "VAULT_TOKEN_FILE":
		settings["KEYS_FILE"], settings["KEYS_VAULT"] = filepath.Join(t.TempDir(), "keys.json"), "https://127.0.0.1:1/transit/keys/x"
	}
	delete(settings, strings.TrimSuffix(name, "_FILE"))
	settings[name] = value
	var environ []string
	for name, value := range settings {
		environ = append(environ, "RELAY_"+name+"="+value)
	}
	var said bytes.Buffer
	say := func(err error) {
		if err != nil {
			said.WriteString(err.Error() + "\n")
		}
	}
	config, err := loadConfig(environ)
	if err == nil {
		err = config.loadKeys(t.Context())
	}
	say(err)
	if err == nil {
		say(config.check())
		n, err := newNode(config, slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug})), nil)
		say(err)
		if err == nil && n.audit != nil {
			n.audit.close()
		}
	}
	return said.String()
}
