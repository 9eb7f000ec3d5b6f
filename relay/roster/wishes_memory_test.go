package roster

import (
	"fmt"
	"testing"

	"buildrelay/protocol"
)

// While Redis is away any number may come and go, and nothing of them stays.
func TestWhoCameAndWentWhileRedisIsAwayIsForgotten(t *testing.T) {
	w := newWishes()
	for i := range 100_000 {
		channel := fmt.Sprint("presence-", i)
		w.enter("1", channel, protocol.Member{ID: "u"}, 0)
		w.count("1", channel, 1)
		w.leave("1", channel, "u")
		w.count("1", channel, 0)
	}
	held := len(w.counts)
	for i := range w.parts {
		held += len(w.parts[i].rows) + len(w.parts[i].due)
	}
	if held > 50_000 {
		t.Errorf("%d rows are kept of those who are gone", held)
	}
}
