package roster_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// place is where rosters keep what they have.
type place struct {
	url     string
	client  redis.UniversalClient
	servers []*relaytest.Redis
}

// eachPlace runs a test with a server that stands alone, one behind Sentinels, and a Cluster.
func eachPlace(t *testing.T, test func(t *testing.T, p place)) {
	t.Parallel()
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		server := relaytest.StartRedis(t)
		test(t, place{server.URL(), server.Client(), []*relaytest.Redis{server}})
	})
	t.Run("Sentinels", func(t *testing.T) {
		t.Parallel()
		group := relaytest.StartRedisSentinel(t, relaytest.SentinelDownAfter(10*time.Second))
		test(t, place{group.URL(), group.Client(), group.Nodes()})
	})
	t.Run("a Cluster", func(t *testing.T) {
		t.Parallel()
		cluster := relaytest.StartRedisCluster(t, relaytest.ClusterNodeTimeout(10*time.Second))
		test(t, place{cluster.URL(), cluster.Client(), cluster.Nodes()})
	})
}

func (p place) freeze() {
	for _, server := range p.servers {
		server.Freeze()
	}
}

func (p place) thaw() {
	for _, server := range p.servers {
		server.Thaw()
	}
}

// rooms are so many channels that each partition has some.
func rooms(name string) (all []string) {
	for i := range 64 {
		all = append(all, fmt.Sprint(name, i))
	}
	return all
}

func TestRollsAreRightWhereverRedisIs(t *testing.T) {
	eachPlace(t, func(t *testing.T, p place) {
		a, b := startNode(t, p.url, quick), startNode(t, p.url, quick)
		for i, room := range rooms("presence-") {
			a.enter(room, "both")
			b.enter(room, "both")
			b.enter(room, fmt.Sprint("b", i))
			b.Count("1", fmt.Sprint("counted-", i), 2)
		}
		for i, room := range rooms("presence-") {
			relaytest.Eventually(t, "both nodes are told", func() bool { return a.roll(room) == fmt.Sprint("b", i, " both") })
		}
		a.reads(64, 2)
		if err := a.Terminate(t.Context(), "1", "both"); err != nil {
			t.Error(err)
		}
		if got := b.roll(protocol.UserPrefix + "both"); got != "ended" {
			t.Errorf("the roll of who was ended is %q", got)
		}
		p.freeze() // so that b has no last words
		b.stop()
		p.thaw()
		for _, room := range rooms("presence-") {
			relaytest.Eventually(t, "the dead node is forgotten", func() bool { return a.roll(room) == "both" })
		}
		relaytest.Eventually(t, "it is alone", a.Alone)
		a.reads(64, 0)
		if err := a.Check(t.Context()); err != nil {
			t.Errorf("it finds what it may do: %v", err)
		}
	})
}

// reads expects what the HTTP API reads: of so many rooms members, and subscriptions where
// there are some.
func (n *node) reads(rooms, subscriptions int) {
	n.t.Helper()
	relaytest.Eventually(n.t, "all is read", func() bool {
		all, err := n.Channels(n.t.Context(), "1", "")
		want := rooms
		if subscriptions > 0 {
			want *= 2
		}
		return err == nil && len(all) == want
	})
	counts, err := n.Counts(n.t.Context(), "1", []string{"presence-0", "counted-0", "counted-1", "presence-nobody", "#server-to-user-both"})
	if err != nil || counts["counted-0"] != subscriptions || counts["counted-1"] != subscriptions || counts["presence-0"] == 0 {
		n.t.Errorf("counts %v, %v", counts, err)
	}
	users, err := n.Users(n.t.Context(), "1", "presence-7")
	if err != nil || !slices.Contains(users, "both") {
		n.t.Errorf("users %v, %v", users, err)
	}
}

func TestTheOutboxIsTakenOnceWhereverRedisIs(t *testing.T) {
	eachPlace(t, func(t *testing.T, p place) {
		a, k, other := startKnown(t, p.url), newTaker(t, p.url, time.Hour), newTaker(t, p.url, time.Hour)
		k.poll()
		sendAll(a, "client-1")
		taken := k.take(100)
		if standing := k.standing(taken); len(standing) != 100 {
			t.Errorf("%d stand", len(standing))
		}
		k.done(taken[:50])
		if standing := k.standing(taken); len(standing) != 50 {
			t.Errorf("%d stand after half of them were told", len(standing))
		}
		if other.poll(); len(other.got) > 0 {
			t.Errorf("another node takes %q", texts(other.got))
		}
		if err := k.Release(t.Context()); err != nil {
			t.Error(err)
		}
		other.done(other.take(50))
		if other.poll(); len(other.got) > 0 {
			t.Errorf("taken again: %q", texts(other.got))
		}
	})
}
