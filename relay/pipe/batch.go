package pipe

import (
	"sync"
	"time"
)

// batcher turns output into batches: one when as much as fits an event is
// there, or when the oldest byte has waited for the interval.
type batcher struct {
	interval time.Duration
	out      *outbox
	dirty    chan struct{} // holds a token while something waits for the interval

	mu  sync.Mutex
	cut *Cutter
}

func newBatcher(interval time.Duration, limit int, out *outbox) *batcher {
	return &batcher{interval: interval, out: out, dirty: make(chan struct{}, 1), cut: NewCutter(limit)}
}

// write takes what a stream printed. It waits for nothing but memory.
func (b *batcher) write(s Stream, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(b.cut.Write(s, p))
	if b.cut.Pending() {
		select {
		case b.dirty <- struct{}{}:
		default:
		}
	}
}

// run flushes what has waited for the interval, until done is closed.
func (b *batcher) run(done <-chan struct{}) {
	timer := time.NewTimer(b.interval)
	defer timer.Stop()
	for {
		select {
		case <-b.dirty:
		case <-done:
			return
		}
		timer.Reset(b.interval)
		select {
		case <-timer.C:
			b.flush()
		case <-done:
			return
		}
	}
}

func (b *batcher) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if batch := b.cut.Flush(); batch != nil {
		b.out.put(batch)
	}
}

// close puts out what is left, and closes the outbox.
func (b *batcher) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(b.cut.Close())
	b.out.close()
}

// put keeps the order of batches: b.mu is held from the cut to the outbox.
func (b *batcher) put(batches [][]byte) {
	for _, batch := range batches {
		b.out.put(batch)
	}
}
