package webhook

import (
	"container/heap"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
)

const (
	// mostRequests is how many requests a target gets at once.
	mostRequests = 8
	// mostEvents and mostBytes bound what waits for a target.
	mostEvents = 10_000
	mostBytes  = 16 << 20
)

// The outcomes of events and requests, as they are counted.
const (
	delivered = "delivered"
	expired   = "expired"
	dropped   = "dropped"
)

// shared is what all targets have in common.
type shared struct {
	apps    *auth.Apps
	client  *http.Client
	metrics *metrics.Metrics
	lease   lease
	settled settled
}

// target is one webhook of one app, and what it is yet to be told.
type target struct {
	// Static.
	*shared

	key  targetKey
	wake chan struct{}      // holds one signal, sent when there may be something to do
	end  context.CancelFunc // ends run

	mu sync.Mutex
	// closed says that the webhook is gone, and that nothing is told any more.
	closed bool
	lines  map[string]*line // by channel
	fresh  []*line          // those that no letter holds, the first to be ready first
	again  letters          // those to be tried again
	// waiting and bytes are how many events there are, with those in letters, and their
	// size.
	waiting, bytes int
	batch          time.Duration // as of [auth.Webhook]
	underway       int           // letters
	breaker        breaker
	swept          time.Time // when last what is too old was given up
	notices        notices
}

func newTarget(s *shared, key targetKey, n notices, end context.CancelFunc) *target {
	return &target{
		shared: s, key: key, end: end, notices: n,
		wake: make(chan struct{}, 1), lines: make(map[string]*line),
	}
}

// add gives the target an event, or drops it if too many wait or it is too old already.
func (t *target) add(e *event, batch time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		t.settled.leave(e)
		return
	}
	now := time.Now()
	if !now.Before(e.expires()) {
		t.metrics.Hooks.WithLabelValues(t.key.app, expired).Inc()
		t.notices.give(now, 1)
		t.settled.leave(e)
		return
	}
	if t.waiting >= mostEvents || t.bytes+e.size() > mostBytes {
		t.metrics.Hooks.WithLabelValues(t.key.app, dropped).Inc()
		t.settled.leave(e)
		return
	}
	t.batch = batch
	t.count(1, e.size())
	l := t.lines[e.Channel]
	if l == nil {
		l = &line{channel: e.Channel}
		t.lines[e.Channel] = l
		t.queue(l, now.Add(batch))
	}
	l.add(e)
	t.look()
}

// queue makes a line that no letter holds stand among the others. The caller holds mu.
func (t *target) queue(l *line, ready time.Time) {
	l.held, l.ready = false, ready
	t.fresh = append(t.fresh, l)
}

// count counts events that came or, below 0, went. The caller holds mu.
func (t *target) count(events, bytes int) {
	t.waiting += events
	t.bytes += bytes
	t.metrics.HooksWaiting.WithLabelValues(t.key.app).Add(float64(events))
}

// look makes run look at what there is to do.
func (t *target) look() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// done notes that the target has done with e; outcome is "" if that is not to be counted.
// What is another node's is not settled here, unless it was told. The caller holds mu.
func (t *target) done(e *event, outcome string) {
	t.count(-1, -e.size())
	if e.lost.Load() && outcome != delivered {
		return
	}
	t.settled.leave(e)
	if outcome != "" {
		t.metrics.Hooks.WithLabelValues(t.key.app, outcome).Inc()
	}
}

// settle is done with all of a letter, so that its lines go on. The caller holds mu.
func (t *target) settle(l *letter, outcome string) {
	for _, e := range l.events {
		t.done(e, outcome)
	}
	for _, line := range l.lines {
		if len(line.events) > 0 {
			t.queue(line, time.Now())
		} else if t.lines[line.channel] == line {
			delete(t.lines, line.channel)
		}
	}
}

// clear is done with what waits and is to go. The caller holds mu.
func (t *target) clear(drop func(*event) bool, outcome string) (n int) {
	for channel, line := range t.lines {
		for _, e := range line.remove(drop) {
			t.done(e, outcome)
			n++
		}
		if len(line.events) == 0 && !line.held {
			delete(t.lines, channel)
		}
	}
	t.fresh = slices.DeleteFunc(t.fresh, func(l *line) bool { return len(l.events) == 0 })
	return n
}

// drop settles the letters that are to be tried again and are to go. The caller holds mu.
func (t *target) drop(drop func(*letter) bool, outcome string) (n int) {
	t.again = slices.DeleteFunc(t.again, func(l *letter) bool {
		if drop(l) {
			t.settle(l, outcome)
			n += len(l.events)
			return true
		}
		return false
	})
	heap.Init(&t.again)
	return n
}

// forget forgets what has become another node's.
func (t *target) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop((*letter).lost, "")
	t.clear(func(e *event) bool { return e.lost.Load() }, "")
}

// close is done with everything: the webhook is gone. What is under way ends by itself.
func (t *target) close() {
	t.mu.Lock()
	t.closed = true
	t.drop(func(*letter) bool { return true }, "")
	t.clear(func(*event) bool { return true }, "")
	t.mu.Unlock()
	t.end()
}
