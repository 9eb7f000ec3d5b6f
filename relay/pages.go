package relay

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

const (
	// pageReaders is how many logs are read at a time.
	pageReaders = 8
	// pageTimeout is how long one read may take.
	pageTimeout = 3 * time.Second
	// maxKept and maxKeptSize bound the pages that are kept for other readers.
	maxKept     = 256
	maxKeptSize = 32 << 20
	// keptFor is how long a page is kept that nobody reads.
	keptFor = time.Minute
)

// pages reads logs for the subscriptions that are not at the end of theirs. Those
// that want the same get the same: while it is read, and for a while after.
type pages struct {
	// Static.
	log     Log
	metrics *metrics.Metrics
	wake    chan struct{} // a signal for each reader that may have something to do

	mu    sync.Mutex
	queue []*pageRequest
	// open are the requests that are not finished, but for those of which a page was dropped.
	open map[pageKey]*pageRequest
	// kept are the newest pages, the oldest first, and keptSize their memory.
	kept     []*page
	keptSize int
	// begun counts the reads, and forgotten how often all pages were dropped: one that was
	// being read then is not kept.
	begun, forgotten uint64
}

type pageKey struct {
	channel *channel
	start   protocol.Start
}

type pageRequest struct {
	key              pageKey
	begun, forgotten uint64 // when the read began
	waiters          []*subscription
}

func newPages(log Log, m *metrics.Metrics) *pages {
	return &pages{log: log, metrics: m, wake: make(chan struct{}, pageReaders), open: make(map[pageKey]*pageRequest)}
}

// get returns a page that is kept and has what comes behind a position, and where in
// it that is.
func (p *pages) get(ch *channel, at protocol.Position) (found *page, next int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range slices.Backward(p.kept) {
		if kept.channel != ch {
			continue
		}
		if next, ok := kept.find(at); ok {
			kept.used = time.Now()
			return kept, next
		}
	}
	return nil, 0
}

// first returns a page that is kept and begins where a read with this start would have
// begun, in the same life of the log; nil if there is none. Only the first entry of
// all stays where it is.
func (p *pages) first(ch *channel, epoch string) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range slices.Backward(p.kept) {
		if kept.channel == ch && kept.asked.Kind == protocol.StartFirst && kept.top.Epoch == epoch {
			kept.used = time.Now()
			return kept
		}
	}
	return nil
}

// forget drops the pages of a channel: its log may have another history now.
func (p *pages) forget(ch *channel) {
	p.drop(func(kept *page) bool { return kept.channel == ch })
}

// forgetAll drops all pages: logs can be read otherwise now.
func (p *pages) forgetAll() { p.forgetOf(func(channelKey) bool { return true }) }

// forgetOf drops the pages of some channels, and keeps none that is being read: nor is it given
// to who asks from now on.
func (p *pages) forgetOf(is func(channelKey) bool) {
	p.mu.Lock()
	p.forgotten++
	maps.DeleteFunc(p.open, func(key pageKey, r *pageRequest) bool { return r.begun > 0 && is(key.channel.key) })
	p.mu.Unlock()
	p.drop(func(kept *page) bool { return is(kept.channel.key) })
}

// expire drops the pages that nobody has read for long.
func (p *pages) expire(now time.Time) {
	p.drop(func(kept *page) bool { return now.Sub(kept.used) > keptFor })
}

func (p *pages) drop(is func(kept *page) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = slices.DeleteFunc(p.kept, func(kept *page) bool {
		if !is(kept) {
			return false
		}
		p.keptSize -= kept.frames.Footprint()
		return true
	})
}

// ask reads a page for s and posts it to the subscription's worker. It returns the
// number of reads that have begun: a page with a higher one was read later.
func (p *pages) ask(s *subscription, start protocol.Start) (begun uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := pageKey{s.channel, start}
	r := p.open[key]
	if r == nil {
		r = &pageRequest{key: key}
		p.open[key] = r
		p.queue = append(p.queue, r)
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	r.waiters = append(r.waiters, s)
	return p.begun
}

// run reads pages until ctx ends.
func (p *pages) run(ctx context.Context) {
	for ctx.Err() == nil {
		if r := p.take(); r != nil {
			p.serve(ctx, r)
			continue
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
		}
	}
}

// take returns the next request, nil when there is none.
func (p *pages) take() *pageRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil
	}
	r := p.queue[0]
	p.queue = dropFirst(p.queue, 1)
	return r
}

// serve reads until it succeeds, or nobody waits any more.
func (p *pages) serve(ctx context.Context, r *pageRequest) {
	for pause := 50 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, time.Second) {
		if p.giveUp(r) {
			return
		}
		read, err := p.read(ctx, r)
		if err == nil {
			p.finish(r, read)
			return
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
		}
	}
}

// giveUp gives a request up if all who waited have left, and says whether it did. Clients that
// come and go while Redis is away would otherwise leave more to read than those who are there.
func (p *pages) giveUp(r *pageRequest) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.waiters = slices.DeleteFunc(r.waiters, func(s *subscription) bool { return s.left.Load() })
	if len(r.waiters) > 0 {
		return false
	}
	p.close(r)
	return true
}

// close ends a request. The caller holds mu.
func (p *pages) close(r *pageRequest) {
	if p.open[r.key] == r {
		delete(p.open, r.key)
	}
}

func (p *pages) read(ctx context.Context, r *pageRequest) (*page, error) {
	p.mu.Lock()
	p.begun++
	r.begun, r.forgotten = p.begun, p.forgotten
	p.mu.Unlock()
	p.metrics.LogReads.Inc()
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	key := r.key.channel.key
	read, err := p.log.ReadLog(ctx, key.app, key.name, r.key.start)
	switch {
	case errors.Is(err, protocol.ErrLogBroken):
		return newBrokenPage(r.key.channel, r.key.start), nil
	case err != nil:
		return nil, err
	}
	return newPage(r.key.channel, read), nil
}

// finish keeps the page and posts it to those who wait.
func (p *pages) finish(r *pageRequest, read *page) {
	p.mu.Lock()
	p.close(r)
	waiters := r.waiters
	read.begun, read.asked, read.used = r.begun, r.key.start, time.Now()
	if r.forgotten == p.forgotten {
		p.keep(read)
	}
	p.mu.Unlock()
	for _, s := range waiters {
		s.conn.worker.post(task{kind: taskPage, sub: s, page: read})
	}
}

// keep adds a page and drops the oldest over the bounds. The caller holds mu.
func (p *pages) keep(read *page) {
	if read.frames.Len() == 0 {
		return
	}
	p.kept = append(p.kept, read)
	p.keptSize += read.frames.Footprint()
	drop := 0
	for len(p.kept)-drop > maxKept || p.keptSize > maxKeptSize && len(p.kept)-drop > 1 {
		p.keptSize -= p.kept[drop].frames.Footprint()
		drop++
	}
	p.kept = dropFirst(p.kept, drop)
}
