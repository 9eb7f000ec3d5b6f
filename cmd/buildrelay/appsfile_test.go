package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// The app beside the fixture's.
const (
	otherID     = "other"
	otherKey    = "0123456789abcdef0123"
	otherSecret = "another secret"
)

// appsFile is an apps file that a test rewrites.
type appsFile struct {
	t    *testing.T
	path string
}

func newAppsFile(t *testing.T, apps ...string) *appsFile {
	t.Helper()
	f := &appsFile{t, filepath.Join(t.TempDir(), "apps.yaml")}
	f.write(apps...)
	return f
}

// fileApp is an app of an apps file, with more of its settings, a line each.
func fileApp(id, key, secret string, more ...string) string {
	return strings.Join(append([]string{
		"  - id: '" + id + "'", "keys: [{key: " + key + ", secret: '" + secret + "'}]",
	}, more...), "\n    ")
}

func fixtureApp(more ...string) string {
	return fileApp(relaytest.AppID, relaytest.Key, relaytest.Secret, more...)
}

func otherApp(more ...string) string { return fileApp(otherID, otherKey, otherSecret, more...) }

// write replaces the file as editors and deployments do: at once.
func (f *appsFile) write(apps ...string) {
	f.t.Helper()
	f.writeText("apps:\n" + strings.Join(apps, "\n") + "\n")
}

func (f *appsFile) writeText(text string) {
	f.t.Helper()
	next := f.path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(next, f.path); err != nil {
		f.t.Fatal(err)
	}
}

// env has a relay read the file.
func (f *appsFile) env(more map[string]string) map[string]string {
	env := map[string]string{"RELAY_APPS_FILE": f.path}
	maps.Copy(env, more)
	return env
}

// dialOther is a client of the other app.
func (w world) dialOther(t *testing.T) *relaytest.WSClient {
	t.Helper()
	return relaytest.DialWS(t, w.SocketURL(otherKey), relaytest.WSOptions{})
}
