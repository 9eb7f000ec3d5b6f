package roster_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// rock is a user who never leaves, on a node that is never cut off.
const rock = "rock"

// model is what nodes want, as plain sets, beside the nodes and who watches them.
type model struct {
	t        *testing.T
	rnd      *rand.Rand
	server   *relaytest.Redis
	channels []string
	nodes    []*modelNode
	// absences counts how often a node gave up a user in a channel: for each, others are
	// told of one leave at the most.
	absences map[string]int
}

// modelNode is a node with what it wants and what it was told.
type modelNode struct {
	*replicas
	wants                 map[string]bool // "CHANNEL USER"
	counts                map[string]int
	cut                   bool
	name                  string
	swallow, repair, stop func()
}

// Whatever nodes say, in whatever order, while one is cut off or killed and Redis is
// restarted or loses all it has: in the end everybody knows the same, and nobody was told
// of a leave that did not happen.
func TestRostersAgreeWithAModel(t *testing.T) {
	for name, options := range map[string][]relaytest.RedisOption{
		"Redis keeps all":     {relaytest.RedisKeeps()},
		"Redis keeps nothing": nil,
		"Redis goes back":     {relaytest.RedisSnapshots()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Log("seed", seed)
			m := newModel(t, seed, relaytest.StartRedis(t, options...))
			for range 12 {
				m.round()
			}
			m.settle()
			m.empty()
		})
	}
}

func newModel(t *testing.T, seed uint64, server *relaytest.Redis) *model {
	m := &model{
		t: t, rnd: rand.New(rand.NewPCG(seed, 0)), server: server,
		channels: []string{"presence-a", "presence-b", "presence-c", "counted-d", "#server-to-user-e"},
		absences: make(map[string]int),
	}
	for i := range 3 {
		m.nodes = append(m.nodes, m.newNode())
		for _, channel := range m.channels {
			if i == 0 {
				m.enter(m.nodes[0], channel, rock)
			}
		}
	}
	return m
}

func (m *model) newNode() *modelNode {
	n, link := startCutNode(m.t, m.server, calm)
	wants := make(map[string]bool)
	return &modelNode{
		replicas: newReplicas(m.t, n, m.server, m.channels),
		wants:    wants, counts: make(map[string]int),
		name:    fmt.Sprint(len(m.nodes)),
		swallow: link.Swallow, repair: link.Repair, stop: n.stop,
	}
}

// log writes down what is done, for a test that fails.
func (m *model) log(what ...any) {
	m.t.Helper()
	m.t.Log(append([]any{time.Now().Format("05.000")}, what...)...)
}

// round is some wishes, and perhaps a fault.
func (m *model) round() {
	for range m.rnd.IntN(60) {
		m.wish()
	}
	if m.rnd.IntN(3) == 0 { // else the next things are said before these are told
		_, _ = m.nodes[0].Users(m.t.Context(), "1", m.channels[0])
	}
	switch m.rnd.IntN(6) {
	case 0:
		m.log("restart")
		m.restart()
	case 1:
		m.log("flush")
		if err := m.server.Client().FlushAll(m.t.Context()).Err(); err != nil {
			m.t.Fatal(err)
		}
	case 2:
		m.kill()
	case 3:
		m.cutOrRepair()
	}
}

func (m *model) wish() {
	n := m.nodes[m.rnd.IntN(len(m.nodes))]
	channel := m.channels[m.rnd.IntN(len(m.channels))]
	user := fmt.Sprint("u", m.rnd.IntN(6))
	switch m.rnd.IntN(5) {
	case 0, 1:
		m.enter(n, channel, user)
	case 2, 3:
		m.leave(n, channel, user)
	default:
		if strings.HasPrefix(channel, "counted") {
			n.counts[channel] = m.rnd.IntN(4)
			n.Count("1", channel, n.counts[channel])
		}
	}
}

func (m *model) enter(n *modelNode, channel, user string) {
	n.wants[channel+" "+user] = true
	m.log(n.name, "enters", channel, user, "cut", n.cut)
	n.want(channel, user, true)
	n.enter(channel, user)
}

func (m *model) leave(n *modelNode, channel, user string) {
	key := channel + " " + user
	if user == rock || !n.wants[key] {
		return
	}
	m.lost(n, key)
	delete(n.wants, key)
	m.log(n.name, "leaves", channel, user, "cut", n.cut)
	n.want(channel, user, false)
	n.Leave("1", channel, user)
}

// lost counts the absences that something may mean for what a node wants: others may have
// wanted the same, but Redis need not know yet.
func (m *model) lost(n *modelNode, keys ...string) {
	if n.cut {
		return
	}
	for _, key := range keys {
		m.absences[key]++
	}
}

// wanted is what the nodes want that are not cut off.
func (m *model) wanted() map[string]bool {
	all := make(map[string]bool)
	for _, n := range m.nodes {
		for key := range n.wants {
			all[key] = all[key] || !n.cut
		}
	}
	return all
}

func (m *model) keys(n *modelNode) []string {
	var keys []string
	for key := range n.wants {
		keys = append(keys, key)
	}
	return keys
}

func (m *model) restart() {
	if m.rnd.IntN(2) == 0 {
		if err := m.server.Client().Save(m.t.Context()).Err(); err != nil {
			m.t.Fatal(err)
		}
		for range 10 {
			m.wish()
		}
	}
	m.server.Kill()
	for range 10 {
		m.wish()
	}
	m.server.Restart()
}

// kill kills a node and starts another.
func (m *model) kill() {
	i := 1 + m.rnd.IntN(2)
	m.log("kill", i)
	n := m.nodes[i]
	m.lost(n, m.keys(n)...)
	n.cut = true
	n.swallow()
	n.stop()
	n.end()
	m.nodes[i] = m.newNode()
}

func (m *model) cutOrRepair() {
	n := m.nodes[1+m.rnd.IntN(2)]
	if n.cut {
		n.repair()
		n.heard()
		n.cut = false
		m.log("repaired")
		return
	}
	m.log("cut")
	m.lost(n, m.keys(n)...)
	n.cut = true
	n.swallow()
}

// settle waits until all know what all want.
func (m *model) settle() {
	m.t.Helper()
	for _, n := range m.nodes {
		n.repair()
		n.cut = false
	}
	deadline := time.Now().Add(relaytest.Patience)
	for {
		problem := m.problem()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatal(problem)
		}
		for _, n := range m.nodes {
			n.pass()
		}
	}
}

// problem says what is not yet as it has to be.
func (m *model) problem() string {
	for _, channel := range m.channels {
		var want []string
		for key, wanted := range m.wanted() {
			if user, ok := strings.CutPrefix(key, channel+" "); ok && wanted {
				want = append(want, user)
			}
		}
		slices.Sort(want)
		count := 0
		for _, n := range m.nodes {
			count += n.counts[channel]
		}
		for i, n := range m.nodes {
			if got := n.state(channel); got != fmt.Sprint(want, " ", count) {
				return fmt.Sprintf("node %d knows of %s: %s, want %v %d", i, channel, got, want, count)
			}
			users, err := n.Users(m.t.Context(), "1", channel)
			if err != nil || !slices.Equal(users, want) {
				return fmt.Sprintf("node %d reads of %s: %v (%v), want %v", i, channel, users, err, want)
			}
		}
	}
	for _, n := range m.nodes {
		for key, leaves := range n.leaves() {
			if leaves > m.absences[key] {
				m.t.Fatalf("%d leaves of %s were told, want %d at the most:\n%s", leaves, key, m.absences[key], n.storyOf(key))
			}
		}
	}
	return ""
}

// empty takes all back, and checks that nothing is left in Redis.
func (m *model) empty() {
	m.t.Helper()
	for _, n := range m.nodes {
		for key := range n.wants {
			channel, user, _ := strings.Cut(key, " ")
			n.Leave("1", channel, user)
		}
		for channel := range n.counts {
			n.Count("1", channel, 0)
		}
	}
	for _, n := range m.nodes {
		n.stop()
		n.end()
	}
	last := startNode(m.t, m.server.URL(), calm) // sweeps what killed nodes left
	defer last.stop()
	relaytest.Eventually(m.t, "nothing is left", func() bool {
		for _, kind := range []string{"c", "m", "o", "of", "due"} {
			keys, err := m.server.Client().Keys(m.t.Context(), "*}:"+kind+":*").Result()
			if err != nil {
				m.t.Fatal(err)
			}
			if len(keys) > 0 {
				return false
			}
		}
		return true
	})
	relaytest.Eventually(m.t, "dead nodes are forgotten", func() bool {
		n, err := m.server.Client().SCard(m.t.Context(), prefix+":{~roster:0}:incs").Result()
		return err == nil && n == 1
	})
}
