package main

import (
	"sync/atomic"
	"time"
)

// ringSize is how many messages of a topic may be on their way at the most.
const ringSize = 1024

// topic is one channel: what was published on it, and how many readers have it.
type topic struct {
	name    string
	readers int32
	// inFlight has a slot for every message that may be on its way at once, and an
	// element for every one that is; nil when the load does not wait for readers.
	inFlight chan struct{}

	published int // by the one publisher
	sent      [ringSize]atomic.Int64
	have      [ringSize]atomic.Int32
}

// publishing notes that the next message goes out.
func (t *topic) publishing() {
	t.sent[t.published%ringSize].Store(time.Now().UnixNano())
	t.published++
}

// received notes that one more reader has message n. It returns how long that took.
func (t *topic) received(n int, now time.Time) time.Duration {
	slot := n % ringSize
	took := time.Duration(now.UnixNano() - t.sent[slot].Load())
	if t.inFlight != nil && t.have[slot].Add(1) == t.readers {
		t.have[slot].Store(0)
		<-t.inFlight
	}
	return took
}
