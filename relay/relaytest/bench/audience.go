package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// audience is clients of one channel that all connect by the same transport.
type audience struct {
	server    *server
	transport string
	viewers   []*viewer
	posts     *http.Client  // what viewers send by; there are few connections, as to a proxy
	door      chan struct{} // has an element for each viewer that is connecting
	reading   sync.WaitGroup
	leave     context.CancelFunc // ends the viewers; nil before they came

	published int            // lines
	sent      []atomic.Int64 // when each was, in nanoseconds since 1970

	subscribed atomic.Int64
	received   atomic.Int64 // lines, by all viewers
	responses  atomic.Int64 // that viewers read from
	failed     atomic.Pointer[error]
}

// audienceTopic is the channel that is shown.
const audienceTopic = "build-0"

// newAudience makes an audience that can be shown lines at these paces.
func newAudience(srv *server, transport string, viewers int, paces []pace) *audience {
	const atOnce = 32
	lines := 0
	for _, p := range paces {
		lines += p.lines
	}
	a := &audience{
		server: srv, transport: transport, door: make(chan struct{}, atOnce), sent: make([]atomic.Int64, lines),
		posts: &http.Client{Timeout: patience, Transport: &http.Transport{
			TLSClientConfig: srv.tls, MaxConnsPerHost: atOnce, MaxIdleConnsPerHost: atOnce,
		}},
	}
	for i := range viewers {
		a.viewers = append(a.viewers, &viewer{audience: a, server: srv.toOne(), id: i, took: make([]time.Duration, 0, lines)})
	}
	return a
}

// gather lets all viewers connect, and waits until they are subscribed.
func (a *audience) gather(ctx context.Context) error {
	watching, leave := context.WithCancel(context.WithoutCancel(ctx))
	a.leave = leave
	for _, v := range a.viewers {
		a.reading.Go(func() {
			select {
			case a.door <- struct{}{}:
			case <-watching.Done():
				return
			}
			if err := v.watch(watching); watching.Err() == nil {
				a.fail(fmt.Errorf("viewer %d: %w", v.id, err))
			}
		})
	}
	return a.until(ctx, "subscriptions", &a.subscribed, len(a.viewers))
}

// fail notes the first thing that must not happen.
func (a *audience) fail(err error) { a.failed.CompareAndSwap(nil, &err) }

// close disconnects the viewers and waits for them.
func (a *audience) close() {
	if a.leave != nil {
		a.leave()
	}
	a.reading.Wait()
	a.posts.CloseIdleConnections()
}

// show publishes lines, and waits until all viewers have them.
func (a *audience) show(ctx context.Context, redis *redisServer, p pace) error {
	due := time.Now()
	for n := 0; n < p.lines; n += p.atOnce {
		if err := wait(ctx, time.Until(due)); err != nil {
			return err
		}
		due = due.Add(p.pause)
		messages := make([]message, min(p.atOnce, p.lines-n))
		for i := range messages {
			messages[i] = a.server.subject.message(audienceTopic, eventName, lineData(a.published))
			a.sent[a.published].Store(time.Now().UnixNano())
			a.published++
		}
		if err := redis.publish(ctx, messages); err != nil {
			return err
		}
	}
	return a.until(ctx, "lines", &a.received, a.published*len(a.viewers))
}

// rest waits a moment, in which nobody may get anything more.
func (a *audience) rest(ctx context.Context) error {
	if err := wait(ctx, warmUp); err != nil {
		return err
	}
	return a.until(ctx, "lines", &a.received, a.published*len(a.viewers))
}

// until waits until the number is want.
func (a *audience) until(ctx context.Context, what string, number *atomic.Int64, want int) error {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		if failed := a.failed.Load(); failed != nil {
			return *failed
		}
		if number.Load() == int64(want) {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d %s where %d were expected: %w", number.Load(), what, want, ctx.Err())
		}
	}
}

// took is how long lines took, from one to before another, to each of the viewers. All
// must have them.
func (a *audience) took(first, end int) []time.Duration {
	var all []time.Duration
	for _, v := range a.viewers {
		all = append(all, v.took[first:end]...)
	}
	return all
}
