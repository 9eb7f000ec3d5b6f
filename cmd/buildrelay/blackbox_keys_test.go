package main_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

// keysCommand runs 'buildrelay keys' on a file, with a secret on standard input.
func keysCommand(t *testing.T, file, secret string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), append([]string{"keys"}, args...)...)
	cmd.Env = append(os.Environ(), relaytest.QuickExit, "RELAY_KEYS_FILE="+file)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(secret), &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// sealed is what 'buildrelay keys seal' prints.
func sealed(t *testing.T, file, secret string) string {
	t.Helper()
	out, errs, code := keysCommand(t, file, secret+"\n", "seal")
	if code != 0 || errs != "" || !regexp.MustCompile(`^sealed:[\w-]+\n$`).MatchString(out) {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	return strings.TrimSpace(out)
}

// A node has its secrets sealed. Then the key is changed while it serves, as the docs say, and
// another secret comes that is sealed with a key which the node does not have yet.
func TestKeysAreRotatedUnderANodeWithSealedSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	if out, errs, code := keysCommand(t, file, "", "create"); code != 0 || !strings.Contains(out, " seals: it is the first key of "+file) {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	server, dir := relaytest.StartRedis(t), t.TempDir()
	apps := newAppsFile(t, fileApp(relaytest.AppID, relaytest.Key, sealed(t, file, relaytest.Secret)))
	relay := relaytest.StartRelay(t, apps.env(map[string]string{
		"RELAY_REDIS_URL": sealed(t, file, server.URL()), "RELAY_KEYS_FILE": file, "RELAY_DATA_DIR": dir,
	}))
	c := relay.Connect()
	c.Subscribe("private-a") // signed with the secret that was sealed

	spread := filepath.Join(filepath.Dir(file), "next.json") // the file on its way to the node
	copyFile(t, file, spread)
	for _, command := range []string{"create", "rotate"} {
		if out, errs, code := keysCommand(t, spread, "", command); code != 0 {
			t.Fatalf("code %d: %s%s", code, out, errs)
		}
	}
	set := keysOf(t, spread)
	apps.write(fileApp(relaytest.AppID, relaytest.Key, relaytest.Secret), fileApp(otherID, otherKey, sealed(t, spread, otherSecret)))
	relay.ExpectMetric(appsGood, "is 0: its key is not there", is(0))
	if err := os.Rename(spread, file); err != nil {
		t.Fatal(err)
	}
	relay.ExpectMetric(`buildrelay_sealing_key{key="`+set.Seals().String()+`"}`, "is 1", is(1))
	relay.ExpectMetric(appsGood, "is 1: the key came", is(1))
	sdk := pusher.Client{AppID: otherID, Key: otherKey, Secret: otherSecret, Host: relay.Address}
	if err := sdk.Trigger("news", "hello", "x"); err != nil {
		t.Errorf("the new app's backend is refused: %v", err)
	}
	c.ExpectOpen()
	if status, reply := relay.Request(http.MethodPost, "/events", `{"name":"e","channel":"private-a","data":"x"}`); status != http.StatusOK {
		t.Errorf("%d %s", status, reply)
	}
	c.Expect("e")
	relaytest.Eventually(t, "the change is in the audit trail", func() bool {
		out, _, _ := auditCommand(t, dir, "export", "--action", "relay.sealing.reload")
		rows := parseAudit(t, out)
		return len(rows) == 1 && rows[0].member(t, "payload", "seals") == set.Seals().String() && rows[0]["success"] == "true"
	})
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func keysOf(t *testing.T, file string) *seal.Keyset {
	t.Helper()
	f, err := seal.OpenFile(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Keys().Current()
}

func TestKeysTellsWhatIsWrongWithItsUse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, c := range []struct {
		file, secret, args, says string
		code                     int
	}{
		{"", "", "create", "RELAY_KEYS_FILE is not set", 1},
		{file, "", "", "Usage:", 2},
		{file, "", "crate", `there is no command "crate"`, 2},
		{file, "", "list hunter2", "takes no argument", 1},
		{file, "", "list", "RELAY_KEYS_FILE: open " + file, 1},
		{file, "hunter2", "seal", "RELAY_KEYS_FILE: open " + file, 1},
		{file, "", "create", "", 0},
		{file, "", "seal", "it is empty", 1},
		{file, strings.Repeat("x", 70_000), "seal", "it is larger than 64 KiB", 1},
		{file, "", "retire", "needs the id of one key", 1},
		{file, "", "retire hunter2", `"hunter2" is no id of a key`, 1},
		{file, "", "retire 00000000", "there is no key 00000000", 1},
		{file, "", "help", "", 0},
	} {
		_, errs, code := keysCommand(t, c.file, c.secret, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("keys %s: code %d: %s, want %d, %q", c.args, code, errs, c.code, c.says)
		}
	}
}

// Whenever the process is killed the file has the old keys, or the new ones.
func TestAKeysFileIsWholeWheneverTheCommandIsKilled(t *testing.T) {
	t.Parallel()
	kills := 8
	if relaytest.Full() {
		kills = 80 // each may add a key, of which there can be 100
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	began := time.Now()
	if out, errs, code := keysCommand(t, file, "", "create"); code != 0 {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	takes := time.Since(began)
	before := keysOf(t, file)
	for i := range kills {
		ctx, cancel := context.WithTimeout(t.Context(), takes*time.Duration(i+1)/time.Duration(kills))
		cmd := exec.CommandContext(ctx, relaytest.Build(t), "keys", "rotate")
		cmd.Env = append(os.Environ(), relaytest.QuickExit, "RELAY_KEYS_FILE="+file)
		_ = cmd.Run() // it is killed, or has ended before
		cancel()
		after := keysOf(t, file)
		if n := len(after.IDs()) - len(before.IDs()); n < 0 || n > 1 || !after.Has(before.Seals()) {
			t.Fatalf("kill %d: there were %v, and are %v", i, before.IDs(), after.IDs())
		}
		before = after
	}
}
