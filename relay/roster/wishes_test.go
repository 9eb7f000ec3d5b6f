package roster_test

import (
	"fmt"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

// What is taken back before Redis was told is not told at all.
func TestWhatIsTakenBackInTimeIsNotTold(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		l := listen(t, relaytest.RedisClient(t, url), room)
		a := newNode(t, url)
		for range 3 {
			a.enter(room, "u")
			a.Leave("1", room, "u")
			a.Count("1", room, 1)
			a.Count("1", room, 0)
		}
		a.Leave("1", room, "nobody")
		a.enter(room, "v")
		a.start()
		l.expect("+v")
		if got := a.roll(room); got != "v" {
			t.Errorf("roll %q, want v", got)
		}
	})
}

func TestTheLastLeavesAreToldWhenANodeEnds(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url)
		const members = 150
		for i := range members {
			a.enter(room, fmt.Sprint("u", i))
		}
		a.Count("1", "plain", 1)
		a.roll(room)
		for i := range members {
			a.Leave("1", room, fmt.Sprint("u", i))
		}
		a.Count("1", "plain", 0)
		a.stop()
		for _, kind := range []string{"c", "m", "o", "of", "lease", "incs"} {
			if keys := client.Keys(t.Context(), "*}:"+kind+"*").Val(); len(keys) != 0 {
				t.Errorf("left: %v", keys)
			}
		}
	})
}

func TestANodeEndsWhileRedisSaysNothing(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a := startNode(t, server.URL(), quick)
	a.roll(room)
	server.Freeze()
	a.enter(room, "u")
	a.stop()
	b := startNode(t, server.URL())
	b.stop()
	server.Thaw()
}

func TestMoreThanOneCallCanHold(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a := startNode(t, url)
		const members = 350
		for i := range members {
			a.enter(room, fmt.Sprint("u", i))
		}
		if n := len(a.ask(room).Members); n != members {
			t.Errorf("%d members, want %d", n, members)
		}
	})
}

// A node with very many channels tells them all again when Redis has lost them, and
// nobody who was let in is shut out by that.
func TestAllIsToldAgainAfterALoss(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	const channels = 20_000
	a := startNode(t, server.URL(), func(c *roster.Config) { c.Refresh = 100 * 1e6 })
	for i := range channels {
		a.Count("1", fmt.Sprint("c", i), 1)
	}
	for i := range 3 {
		a.Enter("1", room, protocol.Member{ID: fmt.Sprint("u", i)}, 3)
	}
	occupied := func() int {
		all, err := a.Channels(t.Context(), "1", "c")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if n := occupied(); n != channels {
		t.Fatalf("%d channels are occupied, want %d", n, channels)
	}
	if err := server.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	relaytest.Eventually(t, "all are occupied again", func() bool { return occupied() == channels })
	if got := a.roll(room); got != "u0 u1 u2 unsettled" {
		t.Errorf("roll %q", got)
	}
}
