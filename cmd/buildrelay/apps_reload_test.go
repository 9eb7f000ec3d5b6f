package main_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/relay/relaytest"
)

// expectEnd passes over what else came until the relay ends the connection.
func expectEnd(t *testing.T, c *relaytest.WSClient, code int) {
	t.Helper()
	for {
		switch r := c.Next(); r.Kind {
		case "message":
		case "close":
			if r.Code == code {
				return
			}
			fallthrough
		default:
			t.Fatalf("expected a close frame with %d, got %s", code, r)
		}
	}
}

const (
	appsTaken   = `buildrelay_apps_reloads_total{outcome="taken"}`
	appsRefused = `buildrelay_apps_reloads_total{outcome="refused"}`
	appsGood    = `buildrelay_apps_good`
)

func is(want float64) func(float64) bool { return func(n float64) bool { return n == want } }

// connectOther is a client of the other app that has its handshake behind it.
func (w world) connectOther(t *testing.T) *relaytest.WSClient {
	t.Helper()
	c := w.dialOther(t)
	c.Established()
	return c
}

func TestAppsAreReloadedWhileClientsAreConnected(t *testing.T) {
	t.Parallel()
	file := newAppsFile(t, fixtureApp())
	keys, _ := newKeysFile(t)
	w := newWorld(t, file.env(map[string]string{"RELAY_KEYS_FILE": keys}))
	early := w.Connect()
	early.Subscribe("private-r")
	w.dialOther(t).ExpectError(4001, otherKey)

	taken := w.counting(appsTaken)
	file.write(fixtureApp(builds), otherApp("client_events: true"))
	taken(t, 1)
	other := w.connectOther(t)
	other.Subscribe("news")
	sdk := pusher.Client{AppID: otherID, Key: otherKey, Secret: otherSecret, Host: w.Address}
	if err := sdk.Trigger("news", "hello", "x"); err != nil {
		t.Errorf("the new app's backend is refused: %v", err)
	}
	other.Expect("hello")
	w.ExpectMetric("buildrelay_apps", "is 2", is(2))
	w.ExpectMetric(appsGood, "is 1", is(1))
	early.ExpectOpen()
	reloadSeal(t, w, file)
	reloadLimits(t, w, file, early)
	reloadKeys(t, w, file, early)
	reloadAway(t, w, file, other)
}

// builds makes the logs of builds such that readers get all of them.
const builds = "logs: [{channels: private-build-*, replay: all}]"

// reloadSeal has the app show nothing any more that is not sealed: also of what was read before.
func reloadSeal(t *testing.T, w world, file *appsFile) {
	t.Helper()
	w.publish("line", "1", tailed)
	w.expectFirstRead(t, "line")
	taken := w.counting(appsTaken)
	file.write(fixtureApp(builds, "seal: required"), otherApp())
	taken(t, 1)
	w.expectFirstRead(t, "relay:gap")
}

// reloadLimits changes what the app may, and what may be sent: at once for who is there.
func reloadLimits(t *testing.T, w world, file *appsFile, early *relaytest.WSClient) {
	t.Helper()
	large := `{"name":"large","channel":"private-r","data":"` + strings.Repeat("x", 20<<10) + `"}`
	if status, reply := w.Request(http.MethodPost, "/events", large); status != http.StatusRequestEntityTooLarge {
		t.Errorf("an event that is too large is answered by %d %s", status, reply)
	}
	early.Trigger("private-r", "client-x", "{}")
	early.ExpectError(0, "enable this feature")
	taken := w.counting(appsTaken)
	file.write(fixtureApp("client_events: true", "limits: {data: 30KiB, client_events: 2, connections: 2, channel_name: 10}"), otherApp())
	taken(t, 1)
	if status, reply := w.Request(http.MethodPost, "/events", large); status != http.StatusOK {
		t.Errorf("an event that is not too large any more is answered by %d %s", status, reply)
	}
	early.Expect("large")
	early.Request("more-than-ten", "")
	early.ExpectError(0, "more-than-ten")
	for range 30 {
		early.Trigger("private-r", "client-x", "{}")
	}
	if early.ExpectError(4301, ""); w.Metric(`buildrelay_limited_total{app="3",limit="client_events"}`) == 0 {
		t.Error("the limit on client events is not counted")
	}
	second := w.Connect()
	third := w.Dial(relaytest.WSOptions{})
	third.ExpectError(4004, "")
	expectEnd(t, third, 4004)
	second.ExpectOpen()
	second.Cut()
}

// reloadKeys replaces a key in two steps, as is done when its secret is known to others.
// Who connected by the old one stays until it is gone, and then is asked to come again.
func reloadKeys(t *testing.T, w world, file *appsFile, early *relaytest.WSClient) {
	t.Helper()
	taken := w.counting(appsTaken)
	both := strings.Replace(fixtureApp(), "keys: [", "keys: [{key: aaaaaaaaaaaaaaaaaaaa, secret: new}, ", 1)
	file.write(both, otherApp())
	taken(t, 1)
	connectByKey := func(key string) *relaytest.WSClient {
		return relaytest.DialWS(t, w.SocketURL(key), relaytest.WSOptions{})
	}
	connectByKey("aaaaaaaaaaaaaaaaaaaa").Established()
	w.Connect()
	w.publish("old", "1", "private-r")
	early.Await("old")
	taken = w.counting(appsTaken)
	file.write(fileApp(relaytest.AppID, "aaaaaaaaaaaaaaaaaaaa", "new"), otherApp())
	taken(t, 1)
	connectByKey(relaytest.Key).ExpectError(4001, relaytest.Key)
	if status, _ := w.Request(http.MethodGet, "/channels", ""); status != http.StatusUnauthorized {
		t.Errorf("the old key is answered by %d", status)
	}
	sdk := pusher.Client{AppID: relaytest.AppID, Key: "aaaaaaaaaaaaaaaaaaaa", Secret: "new", Host: w.Address}
	if err := sdk.Trigger("private-r", "new", "x"); err != nil {
		t.Errorf("the new key is refused: %v", err)
	}
	expectEnd(t, early, 4200)
}

// reloadAway disables an app, and takes one away.
func reloadAway(t *testing.T, w world, file *appsFile, other *relaytest.WSClient) {
	t.Helper()
	taken := w.counting(appsTaken)
	file.write(fixtureApp(), otherApp("enabled: false"))
	taken(t, 1)
	expectEnd(t, other, 4003)
	again := w.dialOther(t)
	again.ExpectError(4003, "")
	expectEnd(t, again, 4003)
	early := w.Connect()
	taken = w.counting(appsTaken)
	file.write(otherApp())
	taken(t, 1)
	expectEnd(t, early, 4001)
	w.connectOther(t).ExpectOpen()
	gone := w.Dial(relaytest.WSOptions{})
	gone.ExpectError(4001, relaytest.Key)
	expectEnd(t, gone, 4001)
}

type badAppsFile struct{ text, line string }

// badAppsFiles are contents that a node must not take, and the line of the fault: some, or
// all if the tests are to be full, since the file is looked at every second.
func badAppsFiles() map[string]badAppsFile {
	good := "apps:\n" + fixtureApp() + "\n"
	some := map[string]badAppsFile{
		"half a file":      {good[:len(good)-20], "line 3"},
		"an unknown field": {good + "    chanels: 7\n", "line 4"},
	}
	if !relaytest.Full() {
		return some
	}
	maps.Copy(some, map[string]badAppsFile{
		"an empty file":     {"", ""},
		"no YAML":           {"apps:\n\t- {", "line 2"},
		"another format":    {`{"apps": 7}`, "line 1"},
		"an app twice":      {good + fixtureApp() + "\n", "line 4"},
		"a key twice":       {good + fileApp("x", relaytest.Key, "s") + "\n", "line 5"},
		"a limit of words":  {good + "    limits:\n      data: very-much\n", "line 5"},
		"a bad webhook":     {good + "    webhooks:\n      - url: 'gopher://secret-host/x'\n", "line 5"},
		"a bad event":       {good + "    webhooks:\n      - url: https://example.com/\n        events: [channel_exploded]\n", "line 6"},
		"seals, no keys":    {good + "    seal: required\n", "RELAY_KEYS_FILE"},
		"a missing secret":  {"apps:\n  - id: x\n    keys:\n      - key: y\n", "line 4"},
		"a secret file":     {"apps:\n  - id: x\n    keys:\n      - key: y\n        secret_file: nowhere\n", "line 5"},
		"a bomb of aliases": {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\napps: [*b,*b]\n", "line"},
	})
	return some
}

// Whatever becomes of the file, the apps that are in force stay so, and nobody is dropped.
func TestABadAppsFileIsKeptOut(t *testing.T) {
	t.Parallel()
	file := newAppsFile(t, fixtureApp(), otherApp())
	w := newWorld(t, file.env(nil))
	c, o := w.Connect(), w.connectOther(t)
	for name, bad := range badAppsFiles() {
		w.run(t, name, func(t *testing.T, w world) {
			refused := w.counting(appsRefused)
			lines := len(w.Log())
			file.writeText(bad.text)
			refused(t, 1)
			w.ExpectMetric(appsGood, "is 0", is(0))
			expectAlarm(t, w.Log()[lines:], bad.line)
			appsStay(t, w, c, o)
			taken := w.counting(appsTaken)
			file.write(fixtureApp(), otherApp("# "+name))
			taken(t, 1)
			w.ExpectMetric(appsGood, "is 1", is(1))
		})
	}
	w.run(t, "no file", func(t *testing.T, w world) {
		if err := os.Remove(file.path); err != nil {
			t.Fatal(err)
		}
		w.ExpectMetric(appsGood, "is 0", is(0))
		appsStay(t, w, c, o)
		file.write(otherApp())
		w.ExpectMetric(appsGood, "is 1", is(1))
		expectEnd(t, c, 4001)
		o.ExpectOpen()
	})
}

// expectAlarm expects one line in the log that is an error, with the line of the fault,
// and no secret in any.
func expectAlarm(t *testing.T, log []string, line string) {
	t.Helper()
	errors := 0
	for _, text := range log {
		if strings.Contains(text, `"level":"ERROR"`) {
			if errors++; !strings.Contains(text, line) {
				t.Errorf("the alarm does not say %q: %s", line, text)
			}
		}
		for _, secret := range []string{relaytest.Secret, otherSecret, "secret-host"} {
			if strings.Contains(text, secret) {
				t.Errorf("the log tells a secret: %s", text)
			}
		}
	}
	if errors != 1 {
		t.Errorf("%d alarms, want one:\n%s", errors, strings.Join(log, "\n"))
	}
}

// appsStay fails the test if the two apps are not both served.
func appsStay(t *testing.T, w world, c, o *relaytest.WSClient) {
	t.Helper()
	c.ExpectOpen()
	o.ExpectOpen()
	w.Connect().ExpectOpen()
	w.connectOther(t).ExpectOpen()
	w.publish("e", "1", "news")
	if got := w.Readiness(t.Context()); got != http.StatusOK {
		t.Errorf("it is not ready: %d", got)
	}
}

// Kubernetes mounts a folder in which a link points to the folder of the version that
// counts, and replaces the link.
func TestAppsAreReloadedWhenALinkIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := func(version string, apps ...string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		file := appsFile{t, filepath.Join(dir, version, "apps.yaml")}
		file.write(apps...)
		link := filepath.Join(dir, "..data")
		if err := os.Symlink(version, link+"_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+"_tmp", link); err != nil {
			t.Fatal(err)
		}
	}
	mount("..2026_11_24", fixtureApp())
	path := filepath.Join(dir, "apps.yaml")
	if err := os.Symlink(filepath.Join("..data", "apps.yaml"), path); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, map[string]string{"RELAY_APPS_FILE": path})
	c := w.Connect()
	mount("..2026_11_25", fixtureApp(), otherApp())
	w.ExpectMetric(appsTaken, "grows", is(1))
	if err := os.RemoveAll(filepath.Join(dir, "..2026_11_24")); err != nil {
		t.Fatal(err)
	}
	w.connectOther(t).ExpectOpen()
	c.ExpectOpen()
	w.ExpectMetric(appsGood, "is 1", is(1))
}

// At the start there is nothing to fall back on.
func TestARelayDoesNotStartWithABadAppsFile(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	file := newAppsFile(t)
	for name, change := range map[string]struct {
		text, also, want string
	}{
		"a bad file":       {badAppsFiles()["an unknown field"].text, "RELAY_LOG_LEVEL=info", "line 4"},
		"no file":          {"", "RELAY_APPS_FILE=/nowhere/apps.yaml", "/nowhere/apps.yaml"},
		"an app by itself": {"apps:\n" + fixtureApp() + "\n", "RELAY_APP_ID=4", "RELAY_APP_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			file.writeText(change.text)
			ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, relaytest.Build(t), "serve")
			cmd.Env = []string{
				relaytest.QuickExit, "RELAY_LISTEN=127.0.0.1:0", "RELAY_METRICS_LISTEN=127.0.0.1:0", "RELAY_TLS=off",
				"RELAY_REDIS_URL=" + server.URL(), "RELAY_APPS_FILE=" + file.path, change.also,
			}
			said, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() < 1 || !strings.Contains(string(said), change.want) {
				t.Errorf("it ends with %v, not with %q:\n%s", err, change.want, said)
			}
		})
	}
}
