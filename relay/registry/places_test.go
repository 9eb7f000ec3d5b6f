package registry_test

import (
	"fmt"
	"strings"
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

// The old master does not hear that it is none any more, and takes what it is told as before.
func TestAMasterThatIsNoneAnyMoreIsLeft(t *testing.T) {
	t.Parallel()
	group := relaytest.StartRedisSentinel(t)
	a := startNode(t, group.URL(), urlA, lazy, tagged)
	a.claim(session, "")
	next := group.Replica()
	if err := next.Client().Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(next.Address(), ":")
	for _, sentinel := range group.Sentinels() {
		for _, command := range [][]any{{"SENTINEL", "REMOVE", "relaytest"}, {"SENTINEL", "MONITOR", "relaytest", host, port, 2}} {
			if err := sentinel.Client().Do(t.Context(), command...).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.claim("key/1/late0000", "")
	relaytest.Eventually(t, "the new master has all sessions", func() bool {
		keys, err := next.Client().Keys(t.Context(), "buildrelay:{~http}:~session:*").Result()
		return err == nil && len(keys) == 2
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
