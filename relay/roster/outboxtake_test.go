package roster_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

func TestWhatBecomesOfAChannelIsTakenInOrder(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startNode(t, url, withOutbox), newTaker(t, url, 0)
		a.enter(room, "u")
		a.Note(clientEvent(room, "client-e", "\x00 \"ü\""))
		a.Note(clientEvent(room, "client-f", ""))
		a.roll(room)
		a.Leave("1", room, "u")
		got := k.expect("channel_occupied presence-room", "member_added presence-room u",
			"client_event presence-room u client-e \x00 \"ü\"", "client_event presence-room u client-f",
			"member_removed presence-room u", "channel_vacated presence-room")
		sent := clientEvent(room, "client-e", "\x00 \"ü\"")
		if diff := cmp.Diff(sent, got[2], cmpopts.IgnoreFields(sent, "Partition", "ID", "Time", "Due")); diff != "" {
			t.Errorf("a client's event (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(got, k.standing(got)); diff != "" {
			t.Errorf("standing (-want +got):\n%s", diff)
		}
		k.done(got)
		if left := outbox(t, relaytest.RedisClient(t, url)); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	})
}

// When somebody left is told three seconds later, by Redis' clock.
func TestWhatIsTakenSaysWhenItIsDue(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startNode(t, url, withOutbox), newTaker(t, url, 0)
		a.enter(room, "u")
		a.roll(room)
		a.Leave("1", room, "u")
		got := k.take(4)
		for i, delay := range []time.Duration{0, 0, 3 * time.Second, 3 * time.Second} {
			at, _, _ := strings.Cut(got[i].ID, "-")
			ms, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			const leeway = 500 * time.Millisecond // one clock, looked at twice
			if off := got[i].Time.Sub(time.UnixMilli(ms)) - delay; off.Abs() > leeway {
				t.Errorf("%s is due %s too late", got[i].Kind, off)
			}
		}
		// Both of one poll, and of one machine.
		if a, b := got[2].Due.Sub(got[0].Due), got[2].Time.Sub(got[0].Time); a != b {
			t.Errorf("%s apart here, %s for Redis", a, b)
		}
		if off := got[0].Due.Sub(got[0].Time); off.Abs() > time.Minute {
			t.Errorf("the clocks of one machine differ by %s", off)
		}
		other := newTaker(t, url, 0)
		if err := k.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, other.take(4), cmpopts.IgnoreFields(got[0], "Due")); diff != "" {
			t.Errorf("another node reads (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsWantedIsKeptAndNothingElse(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		for _, kind := range protocol.Hooks() {
			t.Run(kind, func(t *testing.T) {
				relaytest.RedisClient(t, url).FlushAll(t.Context())
				a, k := startNode(t, url, want(kind)), newTaker(t, url, 0)
				a.enter(room, "u")
				a.Count("1", "cache-x", 1)
				a.Count("1", "private-encrypted-x", 1)
				a.Count("2", "cache-y", 1)
				a.Note(cacheMiss("cache-x"))
				a.Note(clientEvent(room, "client-e", ""))
				a.roll(room)
				a.roll("cache-x")
				a.roll("private-encrypted-x")
				a.Leave("1", room, "u")
				a.Count("1", "cache-x", 0)
				a.stop()
				k.poll()
				if len(k.got) == 0 {
					t.Error("nothing is kept")
				}
				for _, text := range texts(k.got) {
					if !strings.HasPrefix(text, kind+" ") || strings.HasPrefix(text, "subscription_count") && text != "subscription_count cache-x" {
						t.Errorf("kept: %s", text)
					}
				}
			})
		}
	})
}

// What is wanted may change: the last that was said holds, for what is swept too.
func TestWhatIsWantedMayChange(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		wanted := make(chan string, 1)
		wanted <- protocol.HookMemberAdded

		a := startNode(t, url, func(c *roster.Config) {
			c.Outbox = func(_, hook string) bool {
				now := <-wanted
				wanted <- now
				return hook == now
			}
		})
		k := newTaker(t, url, 0)
		a.enter(room, "u")
		k.expect("member_added presence-room u")
		<-wanted
		wanted <- protocol.HookMemberRemoved
		a.enter(room, "v")
		a.roll(room)
		a.Leave("1", room, "u")
		k.expect("member_removed presence-room u")
	})
}

func TestWhoReturnsInTimeNeverLeft(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startNode(t, url, withOutbox), newTaker(t, url, 0)
		a.enter(room, "u")
		k.take(2)
		a.Leave("1", room, "u")
		gone := k.expect("member_removed presence-room u", "channel_vacated presence-room")
		a.enter(room, "u")
		a.roll(room)
		if standing := k.standing(gone); len(standing) > 0 {
			t.Errorf("standing: %q", texts(standing))
		}
		k.poll()
		if len(k.got) > 0 {
			t.Errorf("told of the return: %q", texts(k.got))
		}
	})
}

func TestWhatIsToldIsNotTakenBack(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startNode(t, url, withOutbox), newTaker(t, url, 0)
		a.enter(room, "u")
		k.take(2)
		a.Leave("1", room, "u")
		gone := k.take(2)
		if standing := k.standing(gone); len(standing) != 2 {
			t.Fatalf("standing: %q", texts(standing))
		}
		a.enter(room, "u")
		k.expect("channel_occupied presence-room", "member_added presence-room u")
		if standing := k.standing(gone); len(standing) != 2 {
			t.Errorf("taken back after it stood: %q", texts(standing))
		}
	})
}

// Who left, came back too late and left again left twice; the second time is taken back by a
// return, though the first is told meanwhile.
func TestWhatIsToldLateHoldsUpNoReturn(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, k := relaytest.RedisClient(t, url), newTaker(t, url, 0)
		a := startNode(t, url, withOutbox)
		a.enter(room, "u")
		k.take(2)
		a.Leave("1", room, "u")
		first := k.take(2)
		client.Del(t.Context(), home("1", room)+"due:1:"+room+":", home("1", room)+"due:1:"+room+":u") // it is too late
		a.enter(room, "u")
		k.take(2)
		a.Leave("1", room, "u")
		second := k.take(2)
		if standing := k.standing(first); len(standing) != 2 {
			t.Errorf("of the first time stands %q", texts(standing))
		}
		a.enter(room, "u")
		a.roll(room)
		if standing := k.standing(second); len(standing) > 0 {
			t.Errorf("of the second time stands %q", texts(standing))
		}
	})
}

// To one who is told of one of both only, who is gone for a moment is not gone either.
func TestWhoWasGoneForAMomentDidNotCome(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a := startNode(t, url, want(protocol.HookOccupied, protocol.HookMemberAdded))
		k := newTaker(t, url, 0)
		a.enter(room, "u")
		a.roll(room)
		a.Leave("1", room, "u")
		a.roll(room)
		a.enter(room, "u")
		a.roll(room)
		a.Leave("1", room, "u")
		a.roll(room)
		key := home("1", room) + "due:1:" + room + ":"
		client := relaytest.RedisClient(t, url)
		relaytest.Eventually(t, "it is too late", func() bool { return client.Exists(t.Context(), key).Val() == 0 })
		a.enter(room, "u")
		k.expect("channel_occupied presence-room", "member_added presence-room u", "channel_occupied presence-room", "member_added presence-room u")
	})
}
