package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// fleet is the readers of one measurement and the topics they read.
type fleet struct {
	server  *server
	topics  []*topic
	readers []*reader

	delivered atomic.Int64
	recording atomic.Bool // readers note how long messages took

	reading sync.WaitGroup
	lost    atomic.Int32 // readers that the server cut off
}

// newFleet makes readers for each of the named channels. At most inFlight
// messages are on their way on each, any number when it is 0.
func newFleet(srv *server, channels []string, readersEach, inFlight int) *fleet {
	f := &fleet{server: srv}
	for _, name := range channels {
		t := &topic{name: name, readers: int32(readersEach)}
		if inFlight > 0 {
			t.inFlight = make(chan struct{}, inFlight)
		}
		f.topics = append(f.topics, t)
		for range readersEach {
			f.readers = append(f.readers, &reader{fleet: f, topic: t})
		}
	}
	return f
}

// channelNames returns n names.
func channelNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("build-%d", i)
	}
	return names
}

// connect connects all readers. Close the fleet afterwards, whatever it returns.
func (f *fleet) connect(ctx context.Context) error {
	const atOnce = 32
	dialing, ctx := errgroup.WithContext(ctx)
	dialing.SetLimit(atOnce)
	for _, r := range f.readers {
		dialing.Go(func() error { return r.dial(ctx, f.server) })
	}
	return dialing.Wait()
}

// startReading makes the readers read until close.
func (f *fleet) startReading() {
	const bufferSize = 16 << 10
	for _, r := range f.readers {
		f.reading.Go(func() {
			if err := r.read(make([]byte, bufferSize)); !errors.Is(err, net.ErrClosed) {
				f.lost.Add(1)
			}
		})
	}
}

// close disconnects the readers and waits for them.
func (f *fleet) close() {
	for _, r := range f.readers {
		if r.conn != nil {
			_ = r.conn.Close()
		}
	}
	f.reading.Wait()
}

// sample is what one measurement yields.
type sample struct {
	cpu        time.Duration // of the server
	span       time.Duration
	deliveries int64
	took       []time.Duration // from publishing to reading
	kib        float64         // per idle connection
}

// load publishes until ctx ends.
type load func(ctx context.Context, f *fleet, redis *redisServer) error

// measure runs the load and looks at the server for the span, after a warm-up.
func (f *fleet) measure(ctx context.Context, redis *redisServer, run load, span time.Duration) (sample, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return run(ctx, f, redis) })
	var s sample
	err := wait(ctx, warmUp)
	if err == nil {
		s, err = f.look(ctx, span)
	}
	stop()
	if failed := running.Wait(); failed != nil && !errors.Is(failed, context.Canceled) {
		return s, failed
	}
	if lost := f.lost.Load(); lost > 0 && err == nil {
		err = fmt.Errorf("%s cut off %d of %d readers", f.server.subject.name, lost, len(f.readers))
	}
	return s, err
}

// look takes the sample.
func (f *fleet) look(ctx context.Context, span time.Duration) (s sample, err error) {
	before, err := f.server.cpu()
	if err != nil {
		return s, err
	}
	began, had := time.Now(), f.delivered.Load()
	f.recording.Store(true)
	err = wait(ctx, span)
	f.recording.Store(false)
	s.span, s.deliveries = time.Since(began), f.delivered.Load()-had
	after, cpuErr := f.server.cpu()
	s.cpu = after - before
	return s, errors.Join(err, cpuErr)
}

// collect returns how long the messages took. The fleet must be closed.
func (f *fleet) collect() []time.Duration {
	var all []time.Duration
	for _, r := range f.readers {
		all = append(all, r.took...)
	}
	return all
}

// warmUp is how long a load runs before it is looked at.
const warmUp = 500 * time.Millisecond

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
