package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"buildrelay/protocol"
)

// told gives a client the frames and returns its tally.
func told(t *testing.T, frames ...protocol.Frame) *tally {
	t.Helper()
	c := &client{in: bufio.NewReader(bytes.NewReader(bytes.Join(asBytes(frames), nil))), tally: &tally{}}
	if err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("the client says %v", err)
	}
	return c.tally
}

func asBytes(frames []protocol.Frame) (all [][]byte) {
	for _, frame := range frames {
		all = append(all, frame)
	}
	return all
}

func TestTallyKnowsTheMembers(t *testing.T) {
	list := make([]protocol.Member, 123)
	for i := range list {
		list[i] = protocol.Member{ID: strings.Repeat("u", i+1), Info: `{"presence":{"count":7}}`}
	}
	got := told(t,
		protocol.SucceededPresence("presence-room", list),
		protocol.MemberAdded("presence-room", protocol.Member{ID: "v"}),
		protocol.MemberAdded("presence-room", protocol.Member{ID: "w", Info: strings.Repeat("x", 5000)}),
		protocol.Frame(protocol.Control(9, nil)),
		protocol.MemberRemoved("presence-room", "v"),
		protocol.Succeeded("room"),
		protocol.SubscriptionCount("room", 12),
	)
	if members(got) != 124 || subscribed(got) != 2 || removed(got) != 1 || counts(got) != 1 || got.frames.Load() != 6 {
		t.Errorf("%d members, %d subscriptions, %d gone, %d counts, %d frames",
			members(got), subscribed(got), removed(got), counts(got), got.frames.Load())
	}
}

func TestTallyKnowsWhoIsOnline(t *testing.T) {
	got := told(t,
		protocol.SigninSuccess(`{"id":"u"}`),
		protocol.WatchlistEvents([]string{"a", "b"}, []string{"c", "d"}),
		protocol.WatchlistEvents([]string{"c"}, nil),
		protocol.WatchlistEvents(nil, []string{"a"}),
	)
	if online(got) != 3 || offline(got) != 3 || signedIn(got) != 1 {
		t.Errorf("%d came online, %d are or went offline, %d sign-ins", online(got), offline(got), signedIn(got))
	}
}

func TestTallyRefusesWhatIsNotExpected(t *testing.T) {
	c := &client{in: bufio.NewReader(bytes.NewReader(protocol.ErrMembersFull("presence-room", 100).Frame())), tally: &tally{}}
	if err := c.read(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the client says %v", err)
	}
}

// What clients send is read as it was written, whatever its size.
func TestClientTextHasItsSize(t *testing.T) {
	for _, size := range []int{0, 125, 126, 5000, 0xffff} {
		text := strings.Repeat("x", size)
		frame := clientText(text)
		const masked, mask = 0x80, 4
		if frame[1]&masked == 0 {
			t.Errorf("size %d: no mask", size)
		}
		frame[1] &^= masked
		first, payload, err := nextFrame(bufio.NewReader(bytes.NewReader(frame)))
		if err != nil || first != textFrame || payload != size || len(frame) != len(text)+mask+headerSize(size) {
			t.Errorf("size %d: %#x, %d, %v, in %d bytes", size, first, payload, err, len(frame))
		}
	}
}

func headerSize(size int) int {
	if size < 126 {
		return 2
	}
	return 4
}
