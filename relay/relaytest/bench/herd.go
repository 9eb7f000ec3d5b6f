package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// herd is returners that all connect where target says, as a balancer has it.
type herd struct {
	target  atomic.Pointer[server]
	clients []*returner
	living  sync.WaitGroup
	leave   context.CancelFunc

	inside   atomic.Int64          // who reads
	attempts atomic.Int64          // to connect
	told     atomic.Int64          // to come later
	failed   atomic.Int64          // what ended without a code
	why      atomic.Pointer[error] // the first of that

	mu   sync.Mutex
	came []time.Time     // when one was back
	away []time.Duration // how long it was not there
}

// herdChannels is how many channels the readers share.
const herdChannels = 50

// newHerd connects clients to the server and waits until all read.
func newHerd(ctx context.Context, srv *server, clients int) (*herd, error) {
	const atOnce = 50
	h := &herd{}
	h.target.Store(srv)
	living, leave := context.WithCancel(context.WithoutCancel(ctx))
	h.leave = leave
	for i := range clients {
		r := &returner{herd: h, channel: fmt.Sprintf("build-%d", i%herdChannels), away: time.Now()}
		if srv.tls != nil {
			r.tls = srv.tls.Clone()
			r.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		}
		h.clients = append(h.clients, r)
		h.living.Go(func() { r.live(living) })
		if i%atOnce < atOnce-1 {
			continue
		}
		if err := h.until(ctx, i+1); err != nil {
			h.close()
			return nil, err
		}
	}
	if err := h.until(ctx, clients); err != nil {
		h.close()
		return nil, err
	}
	h.forget()
	return h, nil
}

// forget has everything so far be of no interest.
func (h *herd) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came, h.away = nil, nil
	h.attempts.Store(0)
	h.told.Store(0)
	h.failed.Store(0)
	h.why.Store(nil)
}

func (h *herd) arrived(since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.came = append(h.came, now)
	h.away = append(h.away, now.Sub(since))
	h.inside.Add(1)
}

// until waits until so many read.
func (h *herd) until(ctx context.Context, clients int) error {
	return h.await(ctx, func() bool { return h.inside.Load() == int64(clients) })
}

// fail notes that something ended without a code.
func (h *herd) fail(err error) {
	h.failed.Add(1)
	h.why.CompareAndSwap(nil, &err)
}

// returns is how often one came back.
func (h *herd) returns() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.came)
}

// await waits until done.
func (h *herd) await(ctx context.Context, done func() bool) error {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d clients are there, %d times told to come later, %d failures: %w",
				h.inside.Load(), len(h.clients), h.told.Load(), h.failed.Load(), ctx.Err())
		}
	}
	return nil
}

// cut cuts all off, and returns when that begun.
func (h *herd) cut() time.Time {
	begun := time.Now()
	for _, r := range h.clients {
		r.cut()
	}
	return begun
}

// close disconnects all for good, waits for them, and says what failed first.
func (h *herd) close() {
	if why := h.why.Load(); why != nil {
		fmt.Fprintln(os.Stderr, "a client of the herd:", *why)
	}
	h.leave()
	h.living.Wait()
}

// peak is how many came in one second at the most.
func (h *herd) peak() (most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	begin := 0
	for i, at := range h.came {
		for at.Sub(h.came[begin]) >= time.Second {
			begin++
		}
		most = max(most, i-begin+1)
	}
	return most
}

// last is when the last one came.
func (h *herd) last() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.came[len(h.came)-1]
}

// spread is the time from the first who came to the last.
func (h *herd) spread() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.came[len(h.came)-1].Sub(h.came[0])
}

// percentileAway is how long they were away, in seconds.
func (h *herd) percentileAway(p float64) float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return percentile(h.away, p).Seconds()
}
