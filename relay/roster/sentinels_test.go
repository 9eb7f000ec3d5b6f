package roster_test

import (
	"testing"

	"buildrelay/relay/relaytest"
)

// Who the master is need not be said again for a connection to it to be replaced.
func TestRollsAreKeptWithoutSentinels(t *testing.T) {
	t.Parallel()
	group := relaytest.StartRedisSentinel(t)
	n := startNode(t, group.URL(), quick)
	n.enter("presence-a", "a")
	if got := n.roll("presence-a"); got != "a" {
		t.Fatalf("the roll is %q", got)
	}
	master := group.Master().Client()
	for _, sentinel := range group.Sentinels() {
		sentinel.Freeze()
	}
	if err := master.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil {
		t.Fatal(err)
	}
	n.enter("presence-b", "b")
	relaytest.Eventually(t, "the roll has who came", func() bool { return n.roll("presence-b") == "b" })
}
