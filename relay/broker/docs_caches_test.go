package broker_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// The two commands of the docs, given by a user with the rights of the docs.
func TestTheSnippetOfTheDocsKeepsAnEvent(t *testing.T) {
	t.Parallel()
	const title = "Cache channels"
	file := filepath.Join(t.TempDir(), "keep.sh")
	cmd := program(t, "sh", file)
	rights := rightsIn(section(t, title))
	server := relaytest.StartRedis(t, user("backend", strings.Join(rights, " ")))
	_, port, _ := strings.Cut(server.Address(), ":")
	write(t, file, strings.ReplaceAll(snippets(t, title)["sh"], "redis-cli ",
		"redis-cli -e -p "+port+" --user backend --pass hunter2 --no-auth-warning "))

	r := startRig(t, server.URL())
	r.Watch("builds", "cache-status")
	r.expect("confirmed builds cache-status")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "ERR") {
		t.Fatalf("%v:\n%s", err, out)
	}
	r.expect(`event builds cache-status status {"running":3}`)
	cached := r.readCaches(protocol.ChannelName{App: "builds", Channel: "cache-status"})[0]
	if cached.Event.Data != `{"running":3}` {
		t.Errorf("cached %+v", cached)
	}
	for _, right := range rights {
		fewer := slices.DeleteFunc(slices.Clone(rights), func(r string) bool { return r == right })
		if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "backend", "-@all").Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fewer {
			if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "backend", r).Err(); err != nil {
				t.Fatal(err)
			}
		}
		again := program(t, "sh", file)
		if out, err := again.CombinedOutput(); err == nil && !strings.Contains(string(out), "NOPERM") {
			t.Errorf("without %s all goes well:\n%s", right, out)
		}
	}
}

// rightsIn are the rights that a text says a user needs.
func rightsIn(text string) []string {
	var rights []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ACL SETUSER ") {
			rights = append(rights, strings.Fields(line)...)
		}
	}
	return slices.DeleteFunc(rights, func(word string) bool { return !strings.HasPrefix(word, "+") })
}
