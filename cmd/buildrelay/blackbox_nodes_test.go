package main_test

import (
	"testing"

	"buildrelay/relay/relaytest"
)

// nodes are relays that hear the same Redis.
type nodes struct {
	redis *relaytest.Redis
	all   []world
}

// newNodes starts them; env changes the settings of all.
func newNodes(t *testing.T, n int, env map[string]string, options ...relaytest.RedisOption) nodes {
	t.Helper()
	started := nodes{redis: relaytest.StartRedis(t, options...)}
	for range n {
		started.all = append(started.all, world{relaytest.StartRelay(t, with(started.redis, env)), started.redis})
	}
	return started
}

// place is where the clients of a test are.
type place struct {
	nodes  []world
	suffix string
}

// run runs a subtest with all its clients on one node, and with each on another one.
func (n nodes) run(t *testing.T, name string, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Run("on one node", func(t *testing.T) { test(t, n.place(t, 1, "-near")) })
		t.Run("on several nodes", func(t *testing.T) { test(t, n.place(t, len(n.all), "-far")) })
	})
}

// apart runs a subtest with each client on another node.
func (n nodes) apart(t *testing.T, name string, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { test(t, n.place(t, len(n.all), "")) })
}

func (n nodes) place(t *testing.T, count int, suffix string) place {
	t.Helper()
	p := place{suffix: suffix}
	for _, w := range n.all[:count] {
		p.nodes = append(p.nodes, world{w.For(t), n.redis})
	}
	return p
}

// own is the name, of a channel or a user, that no other place has.
func (p place) own(name string) string { return name + p.suffix }

// on is the node that the test's i-th client is on.
func (p place) on(i int) world { return p.nodes[i%len(p.nodes)] }

// connect is a client on the i-th node.
func (p place) connect(i int) *relaytest.WSClient { return p.on(i).Connect() }
