package pipe

import (
	"sync"
	"sync/atomic"
	"time"
)

// batcher turns output into batches: one when as much as fits an event is
// there, or when the oldest byte has waited for the interval.
type batcher struct {
	interval atomic.Int64  // a time.Duration
	paced    chan struct{} // holds a token when the interval has changed
	out      *outbox
	dirty    chan struct{} // holds a token while something waits for the interval

	mu  sync.Mutex
	cut *Cutter
}

func newBatcher(interval time.Duration, limit int, out *outbox) *batcher {
	b := &batcher{out: out, paced: make(chan struct{}, 1), dirty: make(chan struct{}, 1), cut: NewCutter(limit)}
	b.interval.Store(int64(interval))
	return b
}

// pace changes the interval, for what waits already as well.
func (b *batcher) pace(interval time.Duration) {
	if b.interval.Swap(int64(interval)) == int64(interval) {
		return
	}
	select {
	case b.paced <- struct{}{}:
	default:
	}
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
	for {
		select {
		case <-b.dirty:
		case <-done:
			return
		}
		if !b.wait(done) {
			return
		}
		b.flush()
	}
}

// wait waits for the interval. It reports false if done was closed meanwhile.
func (b *batcher) wait(done <-chan struct{}) bool {
	began := time.Now()
	for {
		timer := time.NewTimer(time.Until(began.Add(time.Duration(b.interval.Load()))))
		select {
		case <-timer.C:
			return true
		case <-b.paced:
			timer.Stop()
		case <-done:
			timer.Stop()
			return false
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
