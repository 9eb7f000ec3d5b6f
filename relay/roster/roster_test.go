package roster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

const room = "presence-room"

func TestAMemberOfTwoNodesJoinsOnceAndLeavesOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		l := listen(t, relaytest.RedisClient(t, url), room)
		a, b := startNode(t, url), startNode(t, url)
		a.enter(room, "u")
		l.expect("+u")
		b.enter(room, "u")
		if got := b.roll(room); got != "u" {
			t.Errorf("roll %q, want u", got)
		}
		b.enter(room, "v")
		l.expect("+v")
		a.Leave("1", room, "u")
		if got := a.roll(room); got != "u v" {
			t.Errorf("roll %q, want u v: u is there still, by the other node", got)
		}
		b.Leave("1", room, "u")
		b.Leave("1", room, "v")
		l.expect("-u", "-v")
		if got := a.roll(room); got != "" {
			t.Errorf("roll %q, want nobody", got)
		}
	})
}

func TestARollHoldsWhatWasSaidBefore(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a := startNode(t, url)
		a.Enter("1", room, protocol.Member{ID: `"ü/\`, Info: `{"a":"<\u00fc/>"}`}, 0)
		a.Enter("1", room, protocol.Member{ID: "v w,~"}, 0)
		a.Count("1", room, 3)
		roll := a.ask(room)
		want := map[string]string{`"ü/\`: `{"a":"<\u00fc/>"}`, "v w,~": ""}
		got := map[string]string{}
		for _, m := range roll.Members {
			got[m.ID] = m.Info
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		if roll.Count != 3 || !roll.Settled || roll.Ended != 0 || roll.At.Epoch == "" {
			t.Errorf("roll %+v", roll)
		}
	})
}

func TestChangesCarryInfoAndContinueEachOther(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		l := listen(t, relaytest.RedisClient(t, url), room)
		a := startNode(t, url)
		m := protocol.Member{ID: `"ü/\`, Info: `{"a":"<\u00fc/>\u007f"}`}
		a.Enter("1", room, m, 0)
		first := l.next()
		if diff := cmp.Diff(&m, first.Joined); diff != "" {
			t.Errorf("joined (-want +got):\n%s", diff)
		}
		if first.Prev != 0 {
			t.Errorf("the first change follows %d, want 0", first.Prev)
		}
		before := a.ask(room).At
		if before != first.At {
			t.Errorf("the roll is at %v after %v", before, first.At)
		}
		a.Enter("1", room, protocol.Member{ID: "v"}, 0)
		second := l.next()
		if second.Prev != first.At.N || second.At.Epoch != first.At.Epoch || second.At.N <= first.At.N {
			t.Errorf("%+v does not continue %+v", second, first)
		}
		a.Leave("1", room, m.ID)
		a.Leave("1", room, "v")
		l.next()
		last := l.next()
		empty := a.ask(room)
		if empty.At.N < last.At.N {
			t.Errorf("the empty roll is at %v, older than %v", empty.At, last.At)
		}
		a.enter(room, "x")
		again := l.next()
		if again.Prev != 0 || again.At.N <= empty.At.N {
			t.Errorf("%+v follows the empty roll at %v", again, empty.At)
		}
	})
}

func TestSubscriptionsOfAllNodesAreCounted(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		l := listen(t, relaytest.RedisClient(t, url), "counted", "quiet")
		a, b := startNode(t, url), startNode(t, url)
		a.Count("1", "quiet", 7)
		a.Count("1", "counted", 2)
		l.expect("count 2")
		b.Count("1", "counted", 5)
		l.expect("count 7")
		if got := a.roll("counted"); got != "count 7" {
			t.Errorf("roll %q, want count 7", got)
		}
		a.Count("1", "counted", 0)
		l.expect("count 5")
		b.Count("1", "counted", 0)
		l.expect("count 0")
	})
}

func TestAFullChannelTakesNobodyNew(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, b := startNode(t, url), startNode(t, url)
		for _, user := range []string{"u", "v"} {
			a.Enter("1", room, protocol.Member{ID: user}, 2)
		}
		a.roll(room)
		b.Enter("1", room, protocol.Member{ID: "w"}, 2)
		if got := b.told.nextFull(t); got != room+" w" {
			t.Errorf("full %q", got)
		}
		b.Enter("1", room, protocol.Member{ID: "v"}, 2) // who is a member may come again
		a.Leave("1", room, "u")
		a.Leave("1", room, "v")
		a.roll(room)
		if got := b.roll(room); got != "v" {
			t.Errorf("roll %q, want v", got)
		}
		b.Enter("1", room, protocol.Member{ID: "w"}, 2)
		if got := b.roll(room); got != "v w" {
			t.Errorf("roll %q, want v w", got)
		}
	})
}

func TestTheFirstInfoStaysUntilTheMemberHasLeft(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, b := startNode(t, url), startNode(t, url)
		a.Enter("1", room, protocol.Member{ID: "u", Info: `{"n":1}`}, 0)
		a.roll(room)
		b.Enter("1", room, protocol.Member{ID: "u", Info: `{"n":2}`}, 0)
		b.roll(room)
		a.Leave("1", room, "u")
		a.roll(room)
		if m := b.ask(room).Members; len(m) != 1 || m[0].Info != `{"n":1}` {
			t.Errorf("members %v", m)
		}
		b.Leave("1", room, "u")
		b.roll(room)
		b.Enter("1", room, protocol.Member{ID: "u", Info: `{"n":2}`}, 0)
		if m := b.ask(room).Members; len(m) != 1 || m[0].Info != `{"n":2}` {
			t.Errorf("members %v", m)
		}
	})
}
