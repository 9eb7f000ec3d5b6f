package relaytest_test

import (
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

func TestClusterMovesSlotsWithTheirKeys(t *testing.T) {
	t.Parallel()
	c := relaytest.StartRedisCluster(t, relaytest.ClusterNodes(relaytest.RedisPassword("pass")))
	for i := range 10 {
		set(t, c.Client(), "{x}"+strconv.Itoa(i), "v")
	}
	from := c.MasterOf("{x}")
	to := another(c, from)
	move := c.BeginMove(c.Slot("{x}"), to)
	move.CarryHalf()
	if n := len(move.Keys()); n != 5 {
		t.Errorf("the old master has %d keys", n)
	}
	_, err := from.Client().Get(t.Context(), firstMoved(t, move)).Result()
	if err == nil || !strings.HasPrefix(err.Error(), "ASK ") {
		t.Errorf("of a key that is moved the old master says %v", err)
	}
	if c.MasterOf("{x}") != from {
		t.Error("the slot has moved before its keys")
	}
	move.Finish()
	if c.MasterOf("{x}") != to {
		t.Error("the slot has not moved")
	}
	for i := range 10 {
		if v, err := to.Client().Get(t.Context(), "{x}"+strconv.Itoa(i)).Result(); v != "v" || err != nil {
			t.Errorf("key %d is %q, %v", i, v, err)
		}
	}
	c.MoveSlot(c.Slot("{x}"), from)
	if v, err := c.Client().Get(t.Context(), "{x}0").Result(); v != "v" || err != nil {
		t.Errorf("after it has moved back a key is %q, %v", v, err)
	}
}

// firstMoved is a key that the old master has not any more.
func firstMoved(t *testing.T, move *relaytest.SlotMove) string {
	t.Helper()
	left := strings.Join(move.Keys(), " ")
	for i := range 10 {
		if key := "{x}" + strconv.Itoa(i); !strings.Contains(left, key) {
			return key
		}
	}
	t.Fatal("no key was moved")
	return ""
}

func another(c *relaytest.RedisCluster, than *relaytest.Redis) *relaytest.Redis {
	for _, master := range c.Masters() {
		if master != than {
			return master
		}
	}
	return nil
}

func TestClusterReplacesAMaster(t *testing.T) {
	t.Parallel()
	c := relaytest.StartRedisCluster(t, relaytest.ClusterReplicas())
	first := c.MasterOf("k")
	second := c.FailOver(first)
	if c.MasterOf("k") != second {
		t.Errorf("%s has the key, not %s", c.MasterOf("k").Address(), second.Address())
	}
	set(t, c.Client(), "k", "v")
	c.AwaitWhole()
	if third := c.Kill(second); third != first || c.MasterOf("k") != first {
		t.Errorf("%s is the master after the one that was killed", third.Address())
	}
	relaytest.Eventually(t, "the client finds the new master", func() bool {
		return c.Client().Get(t.Context(), "k").Val() == "v"
	})
	second.Restart()
	c.AwaitWhole()
	if c.ReplicaOf(first) != second {
		t.Error("the old master is no replica")
	}
	if !strings.HasPrefix(c.URL(), "redis+cluster://127.0.0.1:") || strings.Count(c.URL(), "127.0.0.1:") != 6 {
		t.Errorf("URL %s", c.URL())
	}
}
