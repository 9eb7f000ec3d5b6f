package relay

import (
	"testing"
	"time"

	"buildrelay/protocol"
)

// What was asked for before a last event is shown otherwise is not taken, and asked for again.
func TestALastEventThatIsOutdatedIsAskedForAgain(t *testing.T) {
	ch := &channel{cache: &cache{}, heard: true}
	answer := func(data string) (again bool) {
		return ch.cached(protocol.Cached{Event: protocol.Event{Name: "e", Data: data}, TTL: time.Hour})
	}
	frame := func() string { return string(ch.cache.last(time.Now())) }
	framed := func(data string) string { return string(protocol.EncodeEvent(protocol.Event{Name: "e", Data: data})) }
	if ch.reread() {
		t.Error("what is asked for already is asked for at once")
	}
	if !answer("secret") || ch.cache.known {
		t.Error("an answer is taken that may be of before")
	}
	if answer("***") || !ch.cache.known || frame() != framed("***") {
		t.Errorf("the next one is not: %s", frame())
	}
	if !ch.reread() || ch.cache.known {
		t.Error("what is known is not asked for again")
	}
	if answer("2") || frame() != framed("2") {
		t.Errorf("the answer is not taken: %s", frame())
	}
}
