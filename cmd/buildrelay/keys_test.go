package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

// keyring are the settings of who deals with the keys of a file, and the keys.
type keyring struct {
	t       *testing.T
	environ map[string]string
}

func newKeyring(t *testing.T, more map[string]string) *keyring {
	t.Helper()
	k := &keyring{t, enough()}
	k.environ["RELAY_KEYS_FILE"] = filepath.Join(t.TempDir(), "keys.json")
	maps.Copy(k.environ, more)
	k.do(keysCreate)
	return k
}

// config are the settings as they are when a command begins.
func (k *keyring) config() Config {
	k.t.Helper()
	c, err := loadConfig(environOf(maps.Clone(k.environ), nil))
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

func (k *keyring) do(command func(context.Context, Config, io.Writer) error) {
	k.t.Helper()
	if err := command(k.t.Context(), k.config(), io.Discard); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keyring) keys() *seal.Keys {
	k.t.Helper()
	c := k.config()
	file, err := c.openKeys(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	return file.Keys()
}

// list is what 'keys list' prints, a line each but for the head.
func (k *keyring) list() []string {
	k.t.Helper()
	c := k.config()
	n := c.needed(k.t.Context())
	var out bytes.Buffer
	if err := n.print(&out, k.keys().Current()); err != nil {
		k.t.Fatal(err)
	}
	lines := regexp.MustCompile(` +`).ReplaceAllString(strings.TrimSpace(out.String()), " ")
	return strings.Split(lines, "\n")[1:]
}

// retire retires a key when the file has been as it is for a while.
func (k *keyring) retire(id seal.KeyID, force bool) error {
	k.t.Helper()
	k.changed(time.Now().Add(-time.Hour))
	c := k.config()
	return c.retireKey(k.t.Context(), id, force)
}

// changed says when the file was changed last.
func (k *keyring) changed(at time.Time) {
	k.t.Helper()
	if err := os.Chtimes(k.environ["RELAY_KEYS_FILE"], at, at); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keyring) expectRefusal(err error, says string) {
	k.t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		k.t.Errorf("got %v, want %q", err, says)
	}
}

// keep puts sealed entries into a log as a backend does.
func (k *keyring) keep(server *relaytest.Redis, log string, entries int) {
	k.t.Helper()
	app, channel, _ := strings.Cut(strings.Trim(strings.TrimPrefix(log, "buildrelay:"), "{}"), ":")
	for range entries {
		text, err := k.keys().SealEntry(app, channel, "e", "", "data")
		if err != nil {
			k.t.Fatal(err)
		}
		add(k.t, server, log, text)
	}
}

// add adds data to a stream.
func add(t *testing.T, server *relaytest.Redis, stream, data string) {
	t.Helper()
	if err := server.Client().Do(t.Context(), "XADD", stream, "*", "e", "e", "d", data).Err(); err != nil {
		t.Fatal(err)
	}
}

// A key is retired when nothing is sealed with it any more: no entry of a log, on more than a
// page of them, and no secret in the settings, the apps file or a file that it names.
func TestAKeyIsRetiredOnlyWhenNothingNeedsIt(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	k := newKeyring(t, map[string]string{"RELAY_REDIS_URL": server.URL()})
	first := k.keys().Current().Seals()
	sealed := func(secret string) string {
		text, err := k.keys().Reveal(secret)
		if err != nil {
			t.Fatal(err)
		}
		again, err := k.keys().SealSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	k.environ["RELAY_APP_SECRET"] = sealed("secret of the app")
	k.environ["RELAY_APP_WEBHOOKS"] = "[{url: 'https://h', headers: {X-A: '" + sealed("a") + "'}}]"
	k.keep(server, "buildrelay:{3:private-build-1}", 120)
	k.keep(server, "buildrelay:{3:private-build-2}", 1)
	k.keep(server, "buildrelay:{3:private-build-2}:else", 5) // no log
	k.keep(server, "another:{3:private-build-2}", 5)         // not ours
	add(t, server, "buildrelay:{3:private-build-2}", "plain")
	k.expectRefusal(k.retire(first, false), "is the one that seals: rotate first")
	k.expectRefusal(k.retire(first, true), "is the one that seals: rotate first")
	k.do(keysCreate) // adds one
	k.do(keysRotate)
	second := k.keys().Current().Seals()
	k.keep(server, "buildrelay:{3:private-build-3}", 2)
	want := []string{fmt.Sprintf("%v opens 121 2", first), fmt.Sprintf("%v seals 2 0", second)}
	if got := k.list(); strings.Join(got, "\n") != strings.Join(want, "\n") || second == first {
		t.Errorf("listed as %q, want %q", got, want)
	}
	k.expectRefusal(k.retire(first, false), fmt.Sprintf("key %v is needed: 121 entries of logs in Redis and 2 secrets are sealed with it", first))
	k.expectRefusal(k.retire(first^1, false), "there is no key")

	if err := server.Client().Del(t.Context(), "buildrelay:{3:private-build-1}", "buildrelay:{3:private-build-2}").Err(); err != nil {
		t.Fatal(err)
	}
	k.expectRefusal(k.retire(first, false), "0 entries of logs in Redis and 2 secrets")
	k.environ["RELAY_APP_SECRET"], k.environ["RELAY_APP_WEBHOOKS"] = sealed(k.environ["RELAY_APP_SECRET"]), ""
	if err := k.retire(first, false); err != nil {
		t.Error(err)
	}
	if got := k.list(); len(got) != 1 || got[0] != fmt.Sprintf("%v seals 2 1", second) {
		t.Errorf("listed as %q", got)
	}
}

func TestAKeyThatTheAppsFileNeedsIsNotRetired(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	k := newKeyring(t, map[string]string{"RELAY_REDIS_URL": server.URL(), "RELAY_APP_ID": "", "RELAY_APP_KEY": "", "RELAY_APP_SECRET": ""})
	first := k.keys().Current().Seals()
	secret := func() string {
		text, err := k.keys().SealSecret("a secret of an app")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	k.environ["RELAY_APPS_FILE"] = write(t, "apps: [{id: a, keys: [{key: k, secret: "+secret()+"}, {key: l, secret_file: "+write(t, secret()+"\n")+"}]}]")
	k.do(keysRotate)
	k.expectRefusal(k.retire(first, false), "0 entries of logs in Redis and 2 secrets")
	k.environ["RELAY_APPS_FILE"] = write(t, "apps: [{id: a, keys: [{key: k, secret: "+secret()+"}]}]")
	if err := k.retire(first, false); err != nil {
		t.Error(err)
	}
}

// Where it cannot be found out what is sealed with a key it stays, unless somebody insists.
func TestAKeyIsNotRetiredInTheDark(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	for says, change := range map[string]map[string]string{
		"RELAY_REDIS_URL is not set":   {"RELAY_REDIS_URL": ""},
		"nor RELAY_APP_ID is set":      {"RELAY_APP_ID": "", "RELAY_APP_KEY": "", "RELAY_APP_SECRET": ""},
		"looking through the logs":     {"RELAY_REDIS_URL": "redis://127.0.0.1:1"},
		"RELAY_APPS_FILE: open /no":    {"RELAY_APPS_FILE": "/nowhere"},
		"RELAY_APP_SECRET: opening":    {"RELAY_APP_SECRET": "sealed:AQ"},
		"keys[0].secret: it cannot be": {"RELAY_APPS_FILE": write(t, "apps: [{id: a, keys: [{key: k, secret: 'sealed:AQ'}]}]")},
		"RELAY_REDIS_URL: not a URL":   {"RELAY_REDIS_URL": "h"},
	} {
		k := newKeyring(t, map[string]string{"RELAY_REDIS_URL": server.URL()})
		first := k.keys().Current().Seals()
		k.do(keysRotate)
		maps.Copy(k.environ, change)
		k.expectRefusal(k.retire(first, false), says)
		k.expectRefusal(k.retire(first, false), "(-force removes it all the same)")
		if got := k.list(); len(got) != 2 || !strings.Contains(got[0], "0?") {
			t.Errorf("%s: listed as %q", says, got)
		}
		if err := k.retire(first, true); err != nil || k.keys().Current().Has(first) {
			t.Errorf("%s: it is not retired by force: %v", says, err)
		}
	}
}

func TestVaultSealsTheFileOfTheKeys(t *testing.T) {
	t.Parallel()
	v := relaytest.StartVault(t)
	k := newKeyring(t, map[string]string{"RELAY_KEYS_VAULT": v.Key, "RELAY_VAULT_TOKEN_FILE": write(t, v.Token+"\n"), "RELAY_VAULT_CA_FILE": v.CAFile})
	k.do(keysCreate)
	k.do(keysRotate)
	text, err := k.keys().SealSecret("secret-of-the-app-2")
	if err != nil {
		t.Fatal(err)
	}
	k.environ["RELAY_APP_SECRET"] = text
	c := k.config()
	if err := c.loadKeys(t.Context()); err != nil || string(c.AppSecret) != "secret-of-the-app-2" || len(k.keys().Current().IDs()) != 2 {
		t.Errorf("%v", err)
	}
	k.environ["RELAY_KEYS_VAULT"], k.environ["RELAY_VAULT_TOKEN_FILE"], k.environ["RELAY_VAULT_CA_FILE"] = "", "", ""
	c = k.config()
	k.expectRefusal(c.loadKeys(t.Context()), "RELAY_KEYS_VAULT must name")
}
