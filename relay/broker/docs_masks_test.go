package broker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// The program of the docs, below the one that seals, run by a user with the rights of the docs.
func TestTheSnippetOfTheDocsRegisters(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, keys := filepath.Join(folder, "register.mjs"), filepath.Join(folder, "keys.json")
	cmd := nodeRun(t, file)
	cmd.Env = append(os.Environ(), "RELAY_KEYS_FILE="+keys)
	m := newMasker(t)
	text, err := m.set.Text(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, keys, string(text))

	rights := []string{"resetkeys", "resetchannels"}
	for line := range strings.Lines(section(t, "Masks")) {
		if words := strings.Fields(line); strings.HasPrefix(line, "ACL SETUSER ") {
			rights = append(rights, words[5:]...)
		}
	}
	server := relaytest.StartRedis(t, user("backend", "", rights...))
	r := startRig(t, server.URL(), m.masks, func(c *broker.Config) { c.Apps = func() []string { return []string{"builds"} } })
	if err := r.InstallFunctions(t.Context()); err != nil {
		t.Fatal(err)
	}
	seals, _, found := strings.Cut(snippets(t, "Sealed logs")["js"], "console.log(")
	if !found {
		t.Fatal("what seals has another end")
	}
	write(t, file, seals+at127(snippets(t, "Masks")["js"], server))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "version ") {
		t.Fatalf("%v:\n%s", err, out)
	}
	relaytest.Eventually(t, "it is masked", func() bool { return r.Masked("builds", "private-build-7") })
	r.Watch("builds", "private-build-7")
	r.expect("confirmed builds private-build-7")
	r.publish("builds", event("private-build-7", "say hunter2-hunter2"))
	r.expect("event builds private-build-7 e say ***")
}
