package roster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
	"buildrelay/relay/roster"
)

// startCutNode starts a node whose link to Redis can be cut.
func startCutNode(t testing.TB, server *relaytest.Redis, changes ...func(*roster.Config)) (*node, *faults.HoleLink) {
	t.Helper()
	link := faults.StartHoleLink(t, server.Address())
	return startNode(t, "redis://"+link.Address(), changes...), link
}

// calm makes leases short, but long enough for what is killed to be told from what is slow.
func calm(c *roster.Config) {
	c.Lease, c.Refresh, c.Sweep = 6*time.Second, time.Second, 300*time.Millisecond
}

func TestADeadNodeIsForgotten(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	l := listen(t, server.Client(), room, "counted")
	a := startNode(t, server.URL(), quick)
	b, link := startCutNode(t, server, quick)
	a.enter(room, "a")
	l.expect("+a")
	b.enter(room, "a")
	b.enter(room, "b")
	b.Count("1", "counted", 2)
	l.expectAll("+b", "count 2")
	link.Swallow()
	b.stop()
	l.expectAll("-b", "count 0")
	if got := a.roll(room); got != "a" {
		t.Errorf("roll %q, want a", got)
	}
}

func TestALoneDeadNodeIsForgottenByTheNext(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	l := listen(t, server.Client(), room)
	a, link := startCutNode(t, server, quick)
	a.enter(room, "a")
	l.expect("+a")
	link.Swallow()
	a.stop()
	b := startNode(t, server.URL(), quick)
	b.enter(room, "b")
	l.expect("+b", "-a")
	if got := b.roll(room); got != "b" {
		t.Errorf("roll %q, want b", got)
	}
}

// A node that ends leaves nothing behind; what it did not take back others do, and do
// not wait for its lease to end.
func TestANodeThatEndsIsForgotten(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		l := listen(t, relaytest.RedisClient(t, url), room)
		slow := func(c *roster.Config) { c.Lease, c.Sweep = time.Hour, 100*time.Millisecond }
		a, b := startNode(t, url, slow), startNode(t, url, slow)
		a.enter(room, "a")
		l.expect("+a")
		b.enter(room, "b")
		l.expect("+b")
		a.Leave("1", room, "a")
		a.stop()
		l.expect("-a")
		c := startNode(t, url, slow)
		c.enter(room, "c")
		l.expect("+c")
		b.stop()
		l.expect("-b")
	})
}

func TestANodeThatWasCutOffComesBack(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	l := listen(t, server.Client(), room)
	a := startNode(t, server.URL(), quick)
	b, link := startCutNode(t, server, quick)
	a.enter(room, "a")
	l.expect("+a")
	b.enter(room, "b")
	l.expect("+b")
	link.Swallow()
	b.enter(room, "c")
	l.expect("-b")
	link.Repair()
	l.expectAll("+b", "+c")
	if !b.told.logged.has("level=WARN msg=\"Redis cannot be told who is here") {
		t.Error("nothing is logged")
	}
}

// expectNoLeave waits until a node's latest joins are told, and fails where a leave is
// told before.
func (l *listener) expectNoLeave(n *node, user string) {
	l.t.Helper()
	n.enter(room, user)
	for got := ""; got != "+"+user; {
		if got = changeText(l.next()); strings.HasPrefix(got, "-") {
			l.t.Fatalf("told %q", got)
		}
	}
}

// settled waits for a roll that is settled, which is told without being asked for again.
func (n *node) settled(channel string) string {
	n.t.Helper()
	n.Ask("1", channel, protocol.Version{})
	roll := n.told.nextRoll(n.t, channel)
	for !roll.Settled {
		roll = n.told.nextRoll(n.t, channel)
	}
	return rollText(roll)
}

func TestNobodyLeavesWhenRedisIsRestarted(t *testing.T) {
	for name, options := range map[string][]relaytest.RedisOption{
		"with its data":    {relaytest.RedisKeeps()},
		"without its data": nil,
		"of before":        {relaytest.RedisSnapshots()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := relaytest.StartRedis(t, options...)
			a, b := startNode(t, server.URL(), calm), startNode(t, server.URL(), calm)
			a.enter(room, "a")
			a.enter(room, "gone")
			b.enter(room, "b")
			a.roll(room)
			b.roll(room)
			if err := server.Client().Save(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			a.Leave("1", room, "gone")
			a.roll(room)
			b.enter(room, "late")
			if got := b.roll(room); got != "a b late" {
				t.Fatalf("roll %q", got)
			}
			server.Kill()
			server.Restart()
			l := listen(t, server.Client(), room)
			b.enter(room, "b2")
			if got := b.settled(room); !strings.HasPrefix(got, "a b b2") || !strings.Contains(got, "late") {
				t.Errorf("roll %q, want a b b2 late, and gone perhaps", got)
			}
			relaytest.Eventually(t, "gone is gone", func() bool { return b.settled(room) == "a b b2 late" })
			for got := ""; got != "+end"; {
				b.enter(room, "end")
				if got = changeText(l.next()); strings.HasPrefix(got, "-") && got != "-gone" {
					t.Fatalf("told %q", got)
				}
			}
		})
	}
}

func TestNobodyLeavesWhenRedisLosesEverythingAtOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a, b := startNode(t, url, calm), startNode(t, url, calm)
		a.enter(room, "a")
		a.enter(room, "both")
		b.enter(room, "both")
		b.enter(room, "b")
		a.roll(room)
		b.roll(room)
		l := listen(t, client, room)
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		a.Leave("1", room, "both")
		if got := a.ask(room); got.Settled {
			t.Error("the roll is settled right after it was lost")
		}
		if got := a.settled(room); got != "a b both" {
			t.Errorf("roll %q, want a b both", got)
		}
		l.expectNoLeave(a, "end")
		b.Leave("1", room, "both")
		l.expect("-both")
	})
}

func TestSomebodyWhoLeavesInAHoldIsToldAfterwards(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, calm)
		a.enter(room, "a")
		a.enter(room, "b")
		a.roll(room)
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		l := listen(t, client, room)
		for a.ask(room).Settled {
		}
		l.next()
		l.next()
		a.Leave("1", room, "a")
		if got := a.roll(room); got != "a b unsettled" {
			t.Fatalf("roll %q", got)
		}
		a.enter(room, "c")
		l.expect("+c", "-a")
		relaytest.Eventually(t, "a is gone", func() bool { return a.roll(room) == "b c" })
	})
}

// Everybody's lease ends while Redis stands still. The first to come back must not take
// the others for dead.
func TestNobodyLeavesWhenRedisStandsStill(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, b := startNode(t, server.URL(), calm), startNode(t, server.URL(), calm)
	a.enter(room, "a")
	b.enter(room, "b")
	a.roll(room)
	b.roll(room)
	l := listen(t, server.Client(), room)
	server.Freeze()
	since := time.Now()
	relaytest.Eventually(t, "the leases have ended", func() bool { return time.Since(since) > 7*time.Second })
	server.Thaw()
	if got := a.settled(room); got != "a b" {
		t.Errorf("roll %q, want a b", got)
	}
	l.expectNoLeave(a, "end")
}

// Somebody else's hand took the lease: the node is another incarnation from then on.
func TestALeaseThatIsTakenAwayIsMadeUpFor(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, calm)
		for i := range 50 {
			a.enter(room, fmt.Sprint("u", i))
		}
		a.roll(room)
		keys, err := client.Keys(t.Context(), "*:lease:*").Result()
		if err != nil || len(keys) != 16 {
			t.Fatalf("leases %v, %v", keys, err)
		}
		if err := client.Del(t.Context(), keys...).Err(); err != nil {
			t.Fatal(err)
		}
		a.enter(room, "late")
		relaytest.Eventually(t, "all are there", func() bool { return len(a.ask(room).Members) == 51 })
		relaytest.Eventually(t, "the old incarnation is forgotten", func() bool {
			n, err := client.Keys(t.Context(), "*:of:*").Result()
			return err == nil && len(n) == 1
		})
		if got := a.ask(room); len(got.Members) != 51 {
			t.Errorf("members %v", got.Members)
		}
	})
}
