package registry

import (
	"context"
	"time"
)

const (
	// callTime is how long Redis may take to answer.
	callTime = 2500 * time.Millisecond
	// markEvery is the time between two looks at the mark.
	markEvery = time.Second
	// watchEvery is the time between two looks for the master.
	watchEvery = 5 * time.Second
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	// lastWords is for how long the end of Run may wait for Redis.
	lastWords = time.Second
)

// Run keeps Redis told and asks it until ctx ends, and then deletes all sessions of this
// node, for a second at the most. It must be called once.
func (r *Registry) Run(ctx context.Context) {
	defer close(r.ended)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, end) })
	defer stop()

	wait, failed, since := firstPause, false, time.Now()
	for ctx.Err() == nil {
		began, err := r.runLink(ctx, life)
		if ctx.Err() != nil {
			return
		}
		r.away.Store(true)
		if began {
			wait, failed, since = firstPause, false, time.Now()
		}
		if !failed {
			r.log.Warn("Redis cannot be told which HTTP sessions are here, trying again", "error", err)
		}
		failed = true
		if time.Since(since) > r.config.Lease {
			r.sessions.forget()
		}
		r.pause(ctx, wait)
		wait = min(2*wait, lastPause)
	}
}

// pause waits, but not beyond ctx. Whoever asks is told that it is of no use.
func (r *Registry) pause(ctx context.Context, d time.Duration) {
	over := time.After(d)
	for {
		select {
		case a := <-r.asks:
			a.answer <- answer{err: errAway}
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}
