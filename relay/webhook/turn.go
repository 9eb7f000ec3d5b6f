package webhook

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// sweepEvery is how often what is too old is given up.
const sweepEvery = time.Second

// errGone is why a letter is not tried: its webhook is gone.
var errGone = errors.New("the webhook is gone")

// run tells the target what it is to be told until ctx ends, and then waits for what is
// under way.
func (t *target) run(ctx context.Context) {
	var requests sync.WaitGroup
	defer t.tellRest()
	defer requests.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
		timer.Reset(t.start(ctx, &requests))
	}
}

// tellRest is the last that is said about the target.
func (t *target) tellRest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notices.tellGiven(time.Now())
}

// start starts what may be started, and returns how long nothing is to be done unless
// something comes.
func (t *target) start(ctx context.Context, requests *sync.WaitGroup) time.Duration {
	for ctx.Err() == nil {
		l, wait := t.next(time.Now())
		if l == nil {
			return wait
		}
		requests.Go(func() { t.send(context.WithoutCancel(ctx), l) })
	}
	return 0
}

// send tries a letter.
func (t *target) send(ctx context.Context, l *letter) {
	app, hook := t.key.find(t.apps)
	if hook == nil {
		t.finish(l, errGone)
		return
	}
	start := time.Now()
	err := l.write(app)
	if err == nil {
		err = deliver(ctx, t.client, hook, l)
	}
	t.measure(time.Since(start), err)
	t.finish(l, err)
}

// measure counts a request.
func (t *target) measure(took time.Duration, err error) {
	var refusal forbidden
	outcome := delivered
	if errors.As(err, &refusal) {
		outcome = "forbidden"
	} else if err != nil {
		outcome = "failed"
	}
	t.metrics.HookCalls.WithLabelValues(t.key.app, outcome).Inc()
	t.metrics.HookTime.Observe(took.Seconds())
}

// finish notes what came of a letter that was under way.
func (t *target) finish(l *letter, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway--
	switch {
	case err == nil:
		t.breaker.succeed()
		t.settle(l, delivered)
	case t.closed || errors.Is(err, errGone) || l.lost():
		t.settle(l, "")
	default:
		t.postpone(l, err, time.Now())
	}
	t.look()
}

// postpone puts a letter back that was not taken. The caller holds mu.
func (t *target) postpone(l *letter, err error, now time.Time) {
	var refusal forbidden
	refused := errors.As(err, &refusal)
	l.tries++
	pause := pauseAfter(l.tries)
	t.notices.fail(err)
	if refused {
		pause = longestPause
		t.notices.refuse()
	}
	l.next = now.Add(pause)
	heap.Push(&t.again, l)
	t.breaker.fail(l, now, refused)
	if t.breaker.broken() {
		t.notices.breaks(now)
	}
}

// next returns the letter that is to be sent now and counts it as under way, or nil, and
// how long nothing is to be done unless something comes.
func (t *target) next(now time.Time) (l *letter, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	rest := t.breaker.until.Sub(now)
	switch {
	case t.waiting == 0 && t.notices.given == 0:
		return nil, time.Hour
	case t.underway >= t.breaker.most() || !t.lease.holds(now):
		return nil, sweepEvery
	case rest > 0:
		return nil, min(rest, sweepEvery)
	}
	if l := t.pick(now); l != nil {
		t.underway++
		return l, 0
	}
	return nil, t.idle(now)
}

// expire gives up what is too old. The caller holds mu.
func (t *target) expire(now time.Time) {
	if now.Sub(t.swept) < sweepEvery {
		return
	}
	t.swept = now
	n := t.drop(func(l *letter) bool {
		late := !now.Before(l.expires())
		if late {
			t.notices.attempts = max(t.notices.attempts, l.tries)
		}
		return late
	}, expired)
	n += t.clear(func(e *event) bool { return !now.Before(e.expires()) }, expired)
	t.notices.give(now, n)
}

// pick takes the letter that is due for the longest. The caller holds mu.
func (t *target) pick(now time.Time) *letter {
	ready := t.ready(now)
	if t.again.dueBefore(now, ready) {
		return heap.Pop(&t.again).(*letter)
	}
	if ready.IsZero() {
		return nil
	}
	most := 1
	if t.batch > 0 {
		most = letterEvents
	}
	l := new(letter)
	for len(t.fresh) > 0 && t.fresh[0].fill(l, most) {
		t.fresh = t.fresh[1:]
	}
	return l
}

// ready is since when there is a line to make a letter of, or enough for a full one; zero
// if there is none. The caller holds mu.
func (t *target) ready(now time.Time) time.Time {
	if len(t.fresh) == 0 || t.fresh[0].ready.After(now) && !t.full() {
		return time.Time{}
	}
	return t.fresh[0].ready
}

// full says whether there is enough for a letter. The caller holds mu.
func (t *target) full() bool {
	events, bytes := 0, 0
	for _, l := range t.fresh {
		for _, e := range l.events {
			events++
			bytes += e.size()
			if events >= letterEvents || bytes >= letterBytes {
				return true
			}
		}
	}
	return false
}

// idle is how long there is nothing to send. The caller holds mu.
func (t *target) idle(now time.Time) time.Duration {
	wait := sweepEvery
	if len(t.fresh) > 0 {
		wait = min(wait, t.fresh[0].ready.Sub(now))
	}
	if len(t.again) > 0 {
		wait = min(wait, t.again[0].next.Sub(now))
	}
	return wait
}
