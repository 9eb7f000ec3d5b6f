package roster_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

func TestTheAPIReadsWhatAllNodesSaid(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, b := startNode(t, url), startNode(t, url)
		a.enter(room, "u")
		a.enter(room, "w")
		a.Count("1", "plain", 2)
		a.Count("2", "of-another-app", 2)
		a.enter(protocol.UserPrefix+"u", "u")
		if _, err := a.Users(t.Context(), "1", room); err != nil { // by then Redis knows all
			t.Fatal(err)
		}
		b.enter(room, "v")
		b.enter(room, "w")
		b.Count("1", "plain", 3)
		b.Count("1", "private-x", 1)

		ids, err := b.Users(t.Context(), "1", room)
		if diff := cmp.Diff([]string{"u", "v", "w"}, ids); diff != "" || err != nil {
			t.Errorf("users: %v (-want +got):\n%s", err, diff)
		}
		all, err := b.Channels(t.Context(), "1", "")
		if diff := cmp.Diff(map[string]int{room: 3, "plain": 5, "private-x": 1}, all); diff != "" || err != nil {
			t.Errorf("channels: %v (-want +got):\n%s", err, diff)
		}
		some, err := b.Channels(t.Context(), "1", "pr")
		if diff := cmp.Diff(map[string]int{room: 3, "private-x": 1}, some); diff != "" || err != nil {
			t.Errorf("channels with a prefix: %v (-want +got):\n%s", err, diff)
		}
		for channel, want := range map[string]int{room: 3, "plain": 5, "nobody": 0, protocol.UserPrefix + "u": 1, protocol.UserPrefix + "v": 0} {
			if n, err := countOf(t, b, channel); n != want || err != nil {
				t.Errorf("channel %s: %d, %v, want %d", channel, n, err, want)
			}
		}
		counts, err := b.Counts(t.Context(), "1", []string{room, "plain", "nobody", protocol.UserPrefix + "u", "plain"})
		want := map[string]int{room: 3, "plain": 5, "nobody": 0, protocol.UserPrefix + "u": 1}
		if diff := cmp.Diff(want, counts); diff != "" || err != nil {
			t.Errorf("counts: %v (-want +got):\n%s", err, diff)
		}
		if none, err := b.Counts(t.Context(), "1", nil); len(none) != 0 || err != nil {
			t.Errorf("counts of no channels: %v, %v", none, err)
		}
		b.Count("1", "private-x", 0)
		if n, err := countOf(t, b, "private-x"); n != 0 || err != nil {
			t.Errorf("a channel that was left: %d, %v", n, err)
		}
	})
}

func TestReadsFailWithoutRedis(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a := startNode(t, server.URL())
	a.roll(room)
	server.Stop()
	if _, err := a.Channels(t.Context(), "1", ""); err == nil {
		t.Error("channels were read")
	}
	if _, err := a.Users(t.Context(), "1", room); err == nil {
		t.Error("users were read")
	}
	if err := a.Terminate(t.Context(), "1", "u"); err == nil {
		t.Error("it was told that a user's connections are to be ended")
	}
	a.enter(room, "u")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Counts(ctx, "1", []string{room}); err == nil {
		t.Error("it did not wait for what was said before")
	}
}

func TestTerminateIsToldAndRemembered(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		const channel = protocol.UserPrefix + "u"
		l := listen(t, relaytest.RedisClient(t, url), channel)
		a := startNode(t, url)
		if got := a.roll(channel); got != "" {
			t.Fatalf("roll %q", got)
		}
		if err := a.Terminate(t.Context(), "1", "u"); err != nil {
			t.Fatal(err)
		}
		if c := l.next(); !c.Ended || c.Prev != 0 {
			t.Errorf("told %+v, want an end in an empty roll", c)
		}
		a.enter(channel, "u")
		joined := l.next()
		if err := a.Terminate(t.Context(), "1", "u"); err != nil {
			t.Fatal(err)
		}
		end := l.next()
		if !end.Ended || end.Prev != joined.At.N {
			t.Errorf("%+v does not continue %+v", end, joined)
		}
		if roll := a.ask(channel); roll.Ended != end.At.N || roll.At != end.At || len(roll.Members) != 1 {
			t.Errorf("roll %+v, want it to be ended at %d", roll, end.At.N)
		}
		a.Leave("1", channel, "u")
		if c := l.next(); c.Left != "u" || c.Prev != end.At.N {
			t.Errorf("%+v does not continue %+v", c, end)
		}
		if roll := a.ask(channel); roll.Ended != end.At.N {
			t.Errorf("the end is forgotten in %+v", roll)
		}
	})
}

func TestTerminateBeforeAnybodyWasThereFails(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a := newNode(t, url)
		if err := a.Terminate(t.Context(), "1", "u"); err == nil {
			t.Error("no error")
		}
		a.start()
	})
}

// countOf is how many are on one channel.
func countOf(t testing.TB, n *node, channel string) (int, error) {
	t.Helper()
	counts, err := n.Counts(t.Context(), "1", []string{channel})
	return counts[channel], err
}
