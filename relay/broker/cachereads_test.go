package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// readsRig is the reads of a link, and what the sink is told.
type readsRig struct {
	*cacheReads
	told []string
}

func newReadsRig() *readsRig {
	r := &readsRig{}
	r.cacheReads = newCacheReads((*readsSink)(r), func(string) time.Duration { return time.Minute })
	return r
}

func (r *readsRig) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	r.told = nil
}

// read begins a read of channels a and b.
func (r *readsRig) read() *cacheRead {
	return r.begin([]protocol.ChannelName{{App: "1", Channel: "cache-a"}, {App: "1", Channel: "cache-b"}})
}

// event delivers an event of channel a.
func (r *readsRig) event(name string) {
	r.Deliver("1", protocol.Event{Channel: "cache-a", Name: name, Exclude: "1.2", Link: &protocol.Link{}})
}

type readsSink readsRig

func (s *readsSink) Deliver(appID string, e protocol.Event) {
	text := appID + " " + e.Channel + " " + e.Name
	switch {
	case e.Change != nil:
		text += "change"
	case e.Cached != nil:
		text += fmt.Sprint("cached ", e.Cached.Event.Name, e.Cached.Event.Exclude, " for ", e.Cached.TTL)
	}
	s.told = append(s.told, text)
}

func (s *readsSink) Confirmed(_, channel string) { s.told = append(s.told, "confirmed "+channel) }
func (s *readsSink) Refused(string, string)      {}
func (s *readsSink) Interrupted()                {}

// found is the answer for both channels.
func found(a, b string) []protocol.Cached {
	return []protocol.Cached{
		{Event: protocol.Event{Channel: "cache-a", Name: a}, TTL: time.Second},
		{Event: protocol.Event{Channel: "cache-b", Name: b}, TTL: time.Second},
	}
}

func TestAnAnswerThatIsThereWaitsForItsToken(t *testing.T) {
	r := newReadsRig()
	read := r.read()
	if r.finish(read, found("2", "3")) {
		t.Error("it is late")
	}
	r.event("1")
	r.event("2")
	r.settle()
	r.expect(t, "1 cache-a 1", "1 cache-a 2")
	if !r.hear(read.token) || r.hear(read.token) || r.hear("x") || r.hear("") {
		t.Error("not the token alone is one, and once")
	}
	r.settle()
	if len(r.told) == 2 && r.told[0] > r.told[1] {
		r.told[0], r.told[1] = r.told[1], r.told[0]
	}
	r.expect(t, "1 cache-a cached 2 for 1s", "1 cache-b cached 3 for 1s")
	r.event("4")
	r.settle()
	r.expect(t, "1 cache-a 4")
}

// What is heard after the token is newer than what was read.
func TestAnAnswerThatIsLateGivesWayToWhatIsHeard(t *testing.T) {
	r := newReadsRig()
	read := r.read()
	r.event("1")
	r.hear(read.token)
	r.settle()
	r.event("2")
	r.event("3")
	r.event("client-x")
	r.Deliver("1", protocol.Event{Channel: "cache-a", Change: &protocol.Change{}})
	r.Deliver("2", protocol.Event{Channel: "cache-b", Name: "4"})
	r.expect(t, "1 cache-a 1", "1 cache-a 2", "1 cache-a 3", "1 cache-a client-x", "1 cache-a change", "2 cache-b 4")
	if !r.finish(read, found("1", "5")) {
		t.Error("it is not late")
	}
	r.settle()
	if len(r.told) == 2 && r.told[0] > r.told[1] {
		r.told[0], r.told[1] = r.told[1], r.told[0]
	}
	r.expect(t, "1 cache-a cached 3 for 1m0s", "1 cache-b cached 5 for 1s")
}

// The channel was not heard between: what was read may be older than what was missed.
func TestAnAnswerThatComesAfterANewConfirmationIsDropped(t *testing.T) {
	r := newReadsRig()
	read := r.read()
	r.hear(read.token)
	r.Confirmed("1", "cache-a")
	r.finish(read, found("1", "2"))
	r.settle()
	r.expect(t, "confirmed cache-a", "1 cache-b cached 2 for 1s")
	if len(r.unheard)+len(r.unanswered) > 0 {
		t.Error("something is kept")
	}
}

// Its token may be heard all the same, before that is known or later.
func TestAReadThatFailsTellsNothing(t *testing.T) {
	r := newReadsRig()
	early, late := r.read(), r.read()
	r.hear(early.token)
	r.finish(early, nil)
	r.finish(late, nil)
	if r.hear(late.token) {
		t.Error("the token of a read that failed is taken")
	}
	r.settle()
	r.expect(t)
	if len(r.unheard)+len(r.unanswered) > 0 {
		t.Error("something is kept")
	}
}

func TestATokenOfAnotherLinkIsNone(t *testing.T) {
	before, r := newReadsRig(), newReadsRig()
	read := before.read()
	before.finish(read, found("1", "2"))
	if r.hear(read.token) {
		t.Error("it is taken")
	}
	r.settle()
	r.expect(t)
}
