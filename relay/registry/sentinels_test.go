package registry_test

import (
	"testing"

	"buildrelay/relay/relaytest"
)

// Who the master is need not be said again for a connection to it to be replaced.
func TestSessionsAreToldWithoutSentinels(t *testing.T) {
	t.Parallel()
	group := relaytest.StartRedisSentinel(t)
	a, b := startNode(t, group.URL(), urlA, lazy), startNode(t, group.URL(), urlB, lazy)
	a.claim(session, "")
	b.awaitOwner(session, urlA)
	master := group.Master().Client()
	for _, sentinel := range group.Sentinels() {
		sentinel.Freeze()
	}
	if err := master.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil {
		t.Fatal(err)
	}
	relaytest.Eventually(t, "sessions are asked for again", func() bool {
		owner, err := b.Owner(t.Context(), session)
		return err == nil && owner != nil
	})
}
