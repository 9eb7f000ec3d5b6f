package registry_test

import (
	"fmt"
	"testing"

	"buildrelay/relay/registry"
	"buildrelay/relay/relaytest"
)

// tagged is what a prefix has to be like in a Cluster.
func tagged(c *registry.Config) { c.Prefix = "buildrelay:{~http}" }

// expectSessions claims sessions for one node, and has the other find them again after
// something that happens to Redis.
func expectSessions(t *testing.T, url string, happens func()) {
	t.Helper()
	a, b := startNode(t, url, urlA, lazy, tagged), startNode(t, url, urlB, lazy, tagged)
	const sessions = 600 // more than are told at once
	name := func(i int) string { return fmt.Sprint("key/1/", i) }
	for i := range sessions {
		a.claim(name(i), "")
	}
	b.owner(name(0), urlA)
	happens()
	for i := range sessions {
		b.awaitOwner(name(i), urlA)
	}
	a.Release(name(0))
	b.awaitOwner(name(0), "")
	b.claim("key/1/another", "")
	a.awaitOwner("key/1/another", urlB)
}

func TestSessionsOutliveTheirMaster(t *testing.T) {
	t.Parallel()
	group := relaytest.StartRedisSentinel(t)
	group.CutReplica() // it lacks all of it
	expectSessions(t, group.URL(), func() {
		group.Master().Kill()
		group.AwaitPromotion()
	})
}

func TestSessionsOutliveTheMoveOfTheirSlot(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	expectSessions(t, cluster.URL(), func() {
		from := cluster.MasterOf("{~http}")
		for _, to := range cluster.Masters() {
			if to != from {
				cluster.MoveSlot(cluster.Slot("{~http}"), to)
				return
			}
		}
	})
}
