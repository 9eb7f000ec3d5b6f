package roster_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

func TestANodeKnowsWhetherItIsAlone(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a := newNode(t, url, quick)
		if a.Alone() {
			t.Error("it is alone before it knows")
		}
		a.start()
		relaytest.Eventually(t, "it is alone", a.Alone)
		b := startNode(t, url, quick)
		relaytest.Eventually(t, "neither is alone", func() bool { return !a.Alone() && !b.Alone() && b.roll(room) == "" })
		b.stop()
		relaytest.Eventually(t, "it is alone again", a.Alone)
	})
}

// Who died is there as long as its lease.
func TestADeadNodeIsNoCompany(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a := startNode(t, server.URL(), quick)
	b, link := startCutNode(t, server, quick)
	relaytest.Eventually(t, "neither is alone", func() bool { return !a.Alone() && b.roll(room) == "" && !b.Alone() })
	link.Swallow()
	b.stop()
	if a.Alone() {
		t.Error("it is alone before the other's lease has ended")
	}
	relaytest.Eventually(t, "it is alone", a.Alone)
}

// Nodes that have not come back to a Redis that lost everything are not taken for dead.
func TestNobodyIsAloneWhereRedisHasLostWhoIsThere(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	calmer := func(c *roster.Config) {
		c.Lease, c.Refresh, c.Sweep = 6*time.Second, 200*time.Millisecond, 100*time.Millisecond
	}
	a, b := startNode(t, server.URL(), calmer), startNode(t, server.URL(), calmer)
	relaytest.Eventually(t, "neither is alone", func() bool { return a.roll(room) == "" && b.roll(room) == "" && !a.Alone() && !b.Alone() })
	b.stop()
	relaytest.Eventually(t, "it is alone", a.Alone)
	server.Restart()
	relaytest.Eventually(t, "it does not know", func() bool { return !a.Alone() })
	relaytest.Eventually(t, "it is alone again", a.Alone)
}

// What Redis told long ago says nothing.
func TestWhetherANodeIsAloneIsForgotten(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a := startNode(t, server.URL(), quick)
	relaytest.Eventually(t, "it is alone", a.Alone)
	server.Stop()
	relaytest.Eventually(t, "it does not know", func() bool { return !a.Alone() })
}
