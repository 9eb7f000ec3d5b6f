package main

import (
	"context"
	"time"

	"buildrelay/relay"
	"buildrelay/relay/redisconn"
)

const (
	// revocationsEvery is the time between two looks at what was told, whether or not it was
	// heard.
	revocationsEvery = 30 * time.Second
	// revocationsPause is the time until it is tried again what Redis did not do.
	revocationsPause = time.Second
)

// run reads what was told while nobody heard it, until ctx ends.
func (r *revocations) run(ctx context.Context) {
	look := time.NewTicker(revocationsEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.begun:
		case <-look.C:
		}
		for err := r.read(ctx); err != nil; err = r.read(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-r.begun:
			case <-time.After(pauseAfter(err)):
			}
		}
	}
}

// pauseAfter is the time until it is tried again. What the node may not do it may once somebody has
// changed that.
func pauseAfter(err error) time.Duration {
	if redisconn.IsReply(err, "NOPERM") {
		return revocationsEvery
	}
	return revocationsPause
}

// read takes in what was told and is kept, of all apps. It waits for Redis.
func (r *revocations) read(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	all, asOf, err := r.kept(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		r.metrics.RevocationsKnown.Set(0)
		if !r.failing.Swap(true) {
			r.log.Warn("what was revoked while Redis was not heard cannot be read", "error", err)
		}
		return err
	}
	r.failing.Store(false)
	r.metrics.RevocationsKnown.Set(1)
	if asOf > 0 {
		r.hub.CatchUp(asOf, all)
	}
	return nil
}

// kept reads what is kept of all apps. All that was told before asOf is there; 0 says that there are
// no apps.
func (r *revocations) kept(ctx context.Context) (all []relay.Revocation, asOf int64, err error) {
	for i, app := range r.apps() {
		told, now, err := r.broker.Kept(ctx, revocationsTopic, r.keeping(app))
		if err != nil {
			return nil, 0, err
		}
		if i == 0 || now < asOf {
			asOf = now
		}
		for _, t := range told {
			if n := r.parse(t, nil); n != nil && n.App == app {
				all = append(all, *n)
			}
		}
	}
	return all, asOf, nil
}
