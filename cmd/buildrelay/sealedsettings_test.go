package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

// newKeysFile makes a keys file, and returns what its keys seal a secret as.
func newKeysFile(t *testing.T) (path string, sealed func(auth.Secret) string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keys.json")
	set, err := seal.New()
	if err == nil {
		err = seal.CreateFile(t.Context(), path, nil, set)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, func(secret auth.Secret) string {
		text, err := seal.NewKeys(set).SealSecret(secret)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

// loaded are the settings with their secrets opened.
func loaded(t *testing.T, change map[string]string) (Config, error) {
	t.Helper()
	c, err := loadConfig(environOf(enough(), change))
	if err == nil {
		err = c.loadKeys(t.Context())
	}
	return c, err
}

// Whatever is a secret may be sealed: as a setting, in a file that a setting names, in the
// apps file, in a file that that names, and in a webhook's header.
func TestSecretsMayBeSealedWhereverTheyStand(t *testing.T) {
	t.Parallel()
	keys, sealed := newKeysFile(t)
	names := map[string]*auth.Secret{}
	var c Config
	for name, to := range map[string]*auth.Secret{
		"REDIS_URL": &c.RedisURL, "APP_SECRET": &c.AppSecret, "APP_WEBHOOKS": &c.AppWebhooks, "CLUSTER_SECRET": &c.ClusterSecret,
		"ADMIN_TOKEN": &c.AdminToken, "AUDIT_DATABASE": &c.AuditDatabase, "AUDIT_OUTLETS": &c.AuditOutlets,
	} {
		names[name] = to
	}
	direct, byFile := map[string]string{"RELAY_KEYS_FILE": keys}, map[string]string{"RELAY_KEYS_FILE": keys}
	for name := range names {
		text := sealed(auth.Secret("the secret of " + name))
		direct["RELAY_"+name], byFile["RELAY_"+name] = text, text
		if name != "APP_WEBHOOKS" { // it has no file
			byFile["RELAY_"+name], byFile["RELAY_"+name+"_FILE"] = "", write(t, text+"\n")
		}
	}
	if got := len(secretSettings()); got != 2*len(names)-1+2 { // with VAULT_TOKEN, which cannot be sealed
		t.Errorf("there are %d settings that are secrets, of which not all are tested", got)
	}
	for _, change := range []map[string]string{direct, byFile} {
		got, err := loaded(t, change)
		if err != nil {
			t.Fatal(err)
		}
		c = got
		for name, to := range names {
			if string(*to) != "the secret of "+name {
				t.Errorf("%s is opened as %q", name, string(*to))
			}
		}
	}
}

func TestSecretsOfAppsMayBeSealed(t *testing.T) {
	t.Parallel()
	keys, sealed := newKeysFile(t)
	beside := write(t, sealed("hunter2")+"\n")
	text := fmt.Sprintf("apps: [{id: a, keys: [{key: k, secret: '%s'}, {key: l, secret_file: %s}], webhooks: [{url: 'https://h', headers: {Authorization: '%s'}}]}]",
		sealed("hunter1"), beside, sealed("Bearer hunter3"))
	environ := map[string]string{"RELAY_APPS_FILE": write(t, text), "RELAY_KEYS_FILE": keys, "RELAY_LISTEN": "127.0.0.1:1", "RELAY_REDIS_URL": "redis://h"}
	c, err := loadConfig(environOf(environ, nil))
	if err == nil {
		err = c.loadKeys(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	_, app, err := c.backendApps()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(app.Keys[0].Secret) + " " + string(app.Keys[1].Secret) + " " + string(app.Webhooks[0].Headers["Authorization"]); got != "hunter1 hunter2 Bearer hunter3" {
		t.Errorf("got %s", got)
	}
	if _, watch, err := c.servedApps(appsfile.Watch{Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)}); err != nil || watch.Open == nil {
		t.Errorf("a node: %v", err)
	}
	settings, err := loaded(t, map[string]string{"RELAY_KEYS_FILE": keys, "RELAY_APP_WEBHOOKS": fmt.Sprintf("[{url: 'https://h', headers: {X-A: '%s'}}]", sealed("hunter4"))})
	if err != nil {
		t.Fatal(err)
	}
	if app, err := settings.settingsApp(); err != nil || string(app.Webhooks[0].Headers["X-A"]) != "hunter4" {
		t.Errorf("a header in a setting: %v", err)
	}
}

func TestWhatCannotBeOpenedIsNamedAndDoesNotShow(t *testing.T) {
	t.Parallel()
	keys, sealed := newKeysFile(t)
	_, foreign := newKeysFile(t)
	vault := relaytest.StartVault(t)
	open := write(t, "{}")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	inApps := func(secret string) map[string]string {
		return map[string]string{
			"RELAY_KEYS_FILE": keys, "RELAY_APP_ID": "", "RELAY_APP_KEY": "", "RELAY_APP_SECRET": "",
			"RELAY_APPS_FILE": write(t, "apps:\n  - id: a\n    keys: [{key: k, secret: '"+secret+"'}]"),
		}
	}
	for want, change := range map[string]map[string]string{
		"RELAY_APP_SECRET: opening a sealed secret: it is sealed with an unknown key":                                             {"RELAY_KEYS_FILE": keys, "RELAY_APP_SECRET": foreign("hunter2")},
		"there are no keys (RELAY_KEYS_FILE)":                                                                                     {"RELAY_APP_SECRET": sealed("hunter2")},
		"RELAY_REDIS_URL: opening a sealed secret: it is forged":                                                                  {"RELAY_KEYS_FILE": keys, "RELAY_REDIS_URL": sealed("hunter2") + "A"},
		"RELAY_ADMIN_TOKEN: opening a sealed secret: it is forged: it is no base64url":                                            {"RELAY_KEYS_FILE": keys, "RELAY_ADMIN_TOKEN_FILE": write(t, "sealed:hunter2+")},
		"RELAY_KEYS_FILE: open /nowhere: no such file or directory ('buildrelay keys create' makes one)":                          {"RELAY_KEYS_FILE": "/nowhere"},
		"has mode 0644: others may read or change it":                                                                             {"RELAY_KEYS_FILE": open},
		"it is no key set of Tink in JSON":                                                                                        {"RELAY_KEYS_FILE": write(t, "hunter2")},
		"RELAY_KEYS_VAULT is of no use without RELAY_KEYS_FILE":                                                                   {"RELAY_KEYS_VAULT": vault.Key},
		"RELAY_VAULT_TOKEN is not set":                                                                                            {"RELAY_KEYS_FILE": keys, "RELAY_KEYS_VAULT": vault.Key},
		"RELAY_VAULT_TOKEN is sealed, but what opens it":                                                                          {"RELAY_KEYS_FILE": keys, "RELAY_KEYS_VAULT": vault.Key, "RELAY_VAULT_TOKEN": sealed("hunter2")},
		"are of no use without RELAY_KEYS_VAULT":                                                                                  {"RELAY_KEYS_FILE": keys, "RELAY_VAULT_TOKEN": "hunter2"},
		"RELAY_VAULT_CA_FILE: /nowhere: open":                                                                                     {"RELAY_KEYS_FILE": keys, "RELAY_KEYS_VAULT": vault.Key, "RELAY_VAULT_TOKEN": "hunter2", "RELAY_VAULT_CA_FILE": "/nowhere"},
		"RELAY_KEYS_VAULT: it is no key of Vault's transit engine":                                                                {"RELAY_KEYS_FILE": keys, "RELAY_KEYS_VAULT": "vault", "RELAY_VAULT_TOKEN": "hunter2"},
		"it is plain, though RELAY_KEYS_VAULT names a key":                                                                        {"RELAY_KEYS_FILE": keys, "RELAY_KEYS_VAULT": vault.Key, "RELAY_VAULT_TOKEN": vault.Token, "RELAY_VAULT_CA_FILE": vault.CAFile},
		"RELAY_APPS_FILE: line 3: keys[0].secret: it cannot be opened: opening a sealed secret: it is sealed with an unknown key": inApps(foreign("hunter2")),
	} {
		c, err := loaded(t, change)
		if err == nil {
			err = c.check()
		}
		if got := fmt.Sprint(err); !strings.Contains(got, want) || strings.Contains(got, "hunter2") || strings.Contains(got, vault.Token) {
			t.Errorf("%v:\n%s\nwant %s", change, got, want)
		}
	}
}
