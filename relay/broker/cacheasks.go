package broker

import (
	"context"
	"sync"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

const (
	// cacheBatch is how many last events are read at a time.
	cacheBatch = 500
	// cacheAgain is the pause after they could not be read.
	cacheAgain = 250 * time.Millisecond
)

// cacheAsks are the cache channels whose last events are to be read.
type cacheAsks struct {
	// changed holds one signal, sent when there is something to read.
	changed chan struct{}

	mu  sync.Mutex
	due map[protocol.ChannelName]struct{}
}

func newCacheAsks() *cacheAsks {
	return &cacheAsks{changed: make(chan struct{}, 1), due: make(map[protocol.ChannelName]struct{})}
}

func (a *cacheAsks) add(channels ...protocol.ChannelName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range channels {
		a.due[c] = struct{}{}
	}
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// take takes at most limit channels.
func (a *cacheAsks) take(limit int) []protocol.ChannelName {
	a.mu.Lock()
	defer a.mu.Unlock()
	var taken []protocol.ChannelName
	for c := range a.due {
		if len(taken) == limit {
			break
		}
		delete(a.due, c)
		taken = append(taken, c)
	}
	return taken
}

func (a *cacheAsks) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.due)
}

// AskCache implements relay.Caches. What is asked for is delivered over the link that the
// channel is heard by, and forgotten when that ends.
func (b *Broker) AskCache(appID, channel string) {
	b.asks.add(protocol.ChannelName{App: appID, Channel: channel})
}

// readCaches reads what is asked for until ctx ends. A batch that fails is read again in
// smaller ones: its answer may have been too large for the time.
func (l *link) readCaches(ctx context.Context) {
	asks, limit := l.broker.asks, cacheBatch
	for {
		select {
		case <-asks.changed:
		case <-ctx.Done():
			return
		}
		for channels := asks.take(limit); len(channels) > 0; channels = asks.take(limit) {
			err := l.readCacheBatch(ctx, channels)
			if ctx.Err() != nil {
				return
			}
			l.broker.warnUncached(&l.uncached, err)
			if err == nil {
				limit = cacheBatch
				continue
			}
			limit = max(limit/2, 1)
			asks.add(channels...)
			pause(ctx, cacheAgain)
		}
	}
}

// readCacheBatch reads the last events of some channels, and sees to it that the loop
// hands them on. The token of a read comes by the way that the channels' events come: from
// the master that has them.
func (l *link) readCacheBatch(ctx context.Context, channels []protocol.ChannelName) error {
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	parts, err := l.broker.pool.SplitAtomic(ctx, len(channels), l.broker.homes(channels))
	if err != nil {
		return err
	}
	return redisconn.Each(parts, func(p redisconn.Part) error {
		read := l.reads.begin(pick(channels, p.Items))
		last, err := l.broker.readCachesAt(ctx, p.Client, read.token, read.channels)
		if late := l.reads.finish(read, last); late && err == nil {
			_ = l.broker.beat(ctx, p.Client, "") // else the next heartbeat makes the loop look
		}
		return err
	})
}
