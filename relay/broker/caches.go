package broker

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// maxCached is how much of what is kept of an event is looked at, in bytes: the most data,
// with every byte of it escaped, takes less.
const maxCached = 1 << 20

// cacheTTL is for how long the last events of an app's cache channels are kept.
func (b *Broker) cacheTTL(appID string) time.Duration {
	if b.config.CacheTTL != nil {
		if ttl := b.config.CacheTTL(appID); ttl > 0 {
			return ttl
		}
	}
	return protocol.DefaultCacheTTL
}

// isCached says whether e is to be kept as its channel's last event.
func isCached(e protocol.Event) bool {
	return protocol.KindOf(e.Channel).Cache() && !protocol.IsClientEvent(e.Name)
}

// ReadCaches returns the last events of cache channels, in their order, in one round trip
// to each master. What makes no sense counts as none. That it fails is logged when it begins
// to.
func (b *Broker) ReadCaches(ctx context.Context, channels []protocol.ChannelName) ([]protocol.Cached, error) {
	caches, err := b.readCaches(ctx, channels)
	if ctx.Err() == nil {
		b.warnUncached(&b.uncached, err)
	}
	return caches, err
}

// warnUncached logs that last events cannot be read, when it begins: failing is whether it
// was so the last time.
func (b *Broker) warnUncached(failing *atomic.Bool, err error) {
	if failed := err != nil; failing.Swap(failed) != failed && failed {
		b.log.Warn("the last events of cache channels cannot be read", "error", err)
	}
}

// reading is the answers about one channel.
type reading struct {
	payload *redis.StringCmd
	ttl     *redis.DurationCmd
}

func (b *Broker) readCaches(ctx context.Context, channels []protocol.ChannelName) ([]protocol.Cached, error) {
	caches := make([]protocol.Cached, len(channels))
	return caches, readEach(ctx, b, channels, caches, func(client *redis.Client, some []protocol.ChannelName) ([]protocol.Cached, error) {
		return b.readCachesBy(ctx, client.Pipeline(), some)
	})
}

// readCachesAt reads in one step with publishing a token to the node itself.
func (b *Broker) readCachesAt(ctx context.Context, client *redis.Client, token string, channels []protocol.ChannelName) ([]protocol.Cached, error) {
	pipe := client.TxPipeline()
	pipe.Publish(ctx, b.names.heartbeat, token)
	return b.readCachesBy(ctx, pipe, channels)
}

func (b *Broker) readCachesBy(ctx context.Context, pipe redis.Pipeliner, channels []protocol.ChannelName) ([]protocol.Cached, error) {
	readings := make([]reading, len(channels))
	for i, c := range channels {
		key := protocol.CacheKey(b.config.Prefix, c.App, c.Channel)
		readings[i] = reading{pipe.GetRange(ctx, key, 0, maxCached), pipe.PTTL(ctx, key)}
	}
	if err := failure(pipe.Exec(ctx)); err != nil {
		return nil, fmt.Errorf("reading cached events: %w", err)
	}
	caches := make([]protocol.Cached, len(channels))
	for i, r := range readings {
		var err error
		if caches[i], err = b.cached(channels[i], r); err != nil {
			return nil, fmt.Errorf("reading cached events: %w", err)
		}
	}
	return caches, nil
}

// failure returns why a pipeline failed, where it is not that a key is of another kind.
func failure(commands []redis.Cmder, err error) error {
	for _, c := range commands {
		if err := c.Err(); err != nil && !isWrongType(err) && !redisconn.IsReply(err, "EXECABORT") {
			return err // EXECABORT says only that one of the others failed
		}
	}
	if isWrongType(err) {
		return nil
	}
	return err
}

// cached makes sense of what was read of a channel.
func (b *Broker) cached(c protocol.ChannelName, r reading) (protocol.Cached, error) {
	payload, err := r.payload.Bytes()
	if isWrongType(err) {
		b.metrics.CacheBad.Inc()
		return protocol.Cached{}, nil
	}
	if err := cmp.Or(err, r.ttl.Err()); err != nil {
		return protocol.Cached{}, err
	}
	ttl := r.ttl.Val()
	switch {
	case len(payload) == 0 || ttl == noKey:
		return protocol.Cached{}, nil
	case ttl == noEnd:
		ttl = b.cacheTTL(c.App) // as if it had just been kept in the right way
	}
	if cached, err := protocol.ParseCached(payload, c.Channel, ttl); err == nil {
		return cached, b.showCached(c.App, &cached)
	}
	b.metrics.CacheBad.Inc()
	return protocol.Cached{}, nil
}

// What PTTL answers of a key that is not there, any more perhaps, and of one that never
// expires.
const (
	noKey time.Duration = -2
	noEnd time.Duration = -1
)
