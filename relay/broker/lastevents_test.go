package broker

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestLastEventsTakeNoMoreThanTheyMay(t *testing.T) {
	t.Parallel()
	var l lastEvents
	for i := range 200_000 {
		l.keep(channelKey{"1", fmt.Sprintf("private-build-%d", i)}, nil, "")
	}
	if most := mostLast / lastSize; len(l.by) > most || len(l.by) != l.order.Len() || len(l.by) < most/2 {
		t.Errorf("%d are kept of at most %d", len(l.by), most)
	}
	l.clear()
	if len(l.by)+l.order.Len()+l.bytes != 0 {
		t.Error("something is left")
	}
}

func TestTheOldestOfLastEventsIsForgottenFirst(t *testing.T) {
	t.Parallel()
	var l lastEvents
	data := strings.Repeat("x", 1<<20)
	for i := range 40 {
		l.keep(channelKey{"1", "one that goes on"}, nil, "the newest")
		l.keep(channelKey{"1", fmt.Sprint(i)}, nil, data)
	}
	for channel, want := range map[string]string{"one that goes on": "the newest", "39": data, "38": data, "0": ""} {
		if got, _ := l.before(channelKey{"1", channel}, nil); got != want {
			t.Errorf("%s: %.20q", channel, got)
		}
	}
	for key := range l.by {
		l.forget(key)
	}
	if l.bytes != 0 || l.order.Len() != 0 {
		t.Errorf("%d bytes are left", l.bytes)
	}
}

func TestTheEventBeforeIsKnownWhereItWasHeardOrThereIsNone(t *testing.T) {
	t.Parallel()
	var l lastEvents
	key := channelKey{"1", "a"}
	link := func(epoch string, prev, at uint64) *protocol.Link {
		return &protocol.Link{At: protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: at}}, Prev: protocol.ID{Offset: prev}}
	}
	l.keep(key, link("a", 3, 4), "four")
	for _, c := range []struct {
		link  *protocol.Link
		data  string
		known bool
	}{
		{link("a", 4, 5), "four", true},
		{link("a", 5, 6), "", false},
		{link("b", 4, 5), "", false},
		{link("b", 0, 1), "", true},
	} {
		if data, known := l.before(key, c.link); data != c.data || known != c.known {
			t.Errorf("before %+v: %q, %v", c.link, data, known)
		}
	}
}
