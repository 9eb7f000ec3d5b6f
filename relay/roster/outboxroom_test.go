package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// tell notes a client's event of an app as its node does, the nth of that node, in the partition of room.
func (s *scripted) tell(n int, app, text string) {
	s.t.Helper()
	s.call("tell", "source", n, protocol.HookClientEvent, app+":private-x", "", text)
}

// What the receiver of one app does not take leaves room for the others.
func TestAnAppDoesNotTakeTheRoomOfOthers(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		s := &scripted{t: t, client: relaytest.RedisClient(t, url)}
		stream := home("1", room) + "out"
		text := strings.Repeat("x", 1<<20)
		for i := range 40 {
			s.tell(1+i, "1", text)
		}
		kept := s.client.XLen(t.Context(), stream).Val()
		if kept != 16 {
			t.Errorf("one app has %d MiB, want 16", kept)
		}
		for i := range 8 {
			s.tell(41+i, "2", text)
		}
		if others := s.client.XLen(t.Context(), stream).Val() - kept; others != 8 {
			t.Errorf("the other has %d MiB, want 8", others)
		}
		entries, err := s.client.XRange(t.Context(), stream, "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			s.call("done", e.ID)
		}
		if keys := s.client.Exists(t.Context(), home("1", room)+"bytes", home("1", room)+"bytes:1", home("1", room)+"bytes:2").Val(); keys != 0 {
			t.Errorf("an empty outbox has %d counts of bytes", keys)
		}
	})
}

// What is trimmed gives its room back.
func TestWhatIsTrimmedTakesNoRoom(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, client: relaytest.StartRedis(t).Client()}
	for i := range 100 {
		s.tell(1+i, "1", "some text")
	}
	fill(t, s.client, home("1", room)+"out", 100000)
	s.tell(101, "1", "the last")
	for _, key := range []string{"bytes", "bytes:1"} {
		if got := s.client.Get(t.Context(), home("1", room)+key).Val(); got != fmt.Sprint(len("the last")) {
			t.Errorf("%s is %s", key, got)
		}
	}
}
