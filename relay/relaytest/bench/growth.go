package main

import (
	"context"
	"errors"
	"time"
)

// growth is what something took, and how much more is held since.
type growth struct {
	usage
	took  time.Duration    // without what goes on afterwards
	relay int              // KiB that the server holds beyond what it held before
	redis int              // bytes that Redis does
	keys  map[string]int64 // bytes of the roster's keys in Redis, by kind
}

// settleTime is how long it is looked at what goes on afterwards: counts are told to Redis,
// and Redis lets go what it needed for the moment.
const settleTime = 3 * time.Second

// grow runs something and returns what it took, and what is held once that has settled.
func (b *bench) grow(ctx context.Context, srv *server, run func(context.Context) error) (g growth, err error) {
	rss, err := srv.settledRSS(ctx)
	if err != nil {
		return g, err
	}
	redis, err := b.redis.memory(ctx)
	if err != nil {
		return g, err
	}
	g.usage, err = b.observe(ctx, srv, func(ctx context.Context) error {
		begin := time.Now()
		err := run(ctx)
		g.took = time.Since(begin)
		return errors.Join(err, wait(ctx, settleTime))
	})
	if err != nil {
		return g, err
	}
	if g.relay, err = srv.settledRSS(ctx); err != nil {
		return g, err
	}
	if g.redis, err = b.redis.memory(ctx); err != nil {
		return g, err
	}
	g.relay, g.redis = g.relay-rss, g.redis-redis
	g.keys, err = b.redis.rosterKeys(ctx)
	return g, err
}
