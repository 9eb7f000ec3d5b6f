package relay

import (
	"context"
	"time"

	"buildrelay/protocol"
)

const (
	// cacheTTL is how long a cache channel's last event is kept, unless the app says
	// otherwise (protocol.md 2.3).
	cacheTTL = 30 * time.Minute
	// cacheAgain is how soon caches are read again when that failed.
	cacheAgain = 250 * time.Millisecond
	// cacheBatch is how many caches are read at a time, and cacheTimeout how long that
	// may take.
	cacheBatch   = 500
	cacheTimeout = 2500 * time.Millisecond
)

// Caches reads the last events of cache channels, in the order of names. It waits for
// Redis.
type Caches interface {
	ReadCaches(ctx context.Context, names []protocol.ChannelName) ([]protocol.Cached, error)
}

// cache is the last event of a cache channel: first as Redis keeps it, then as it is
// heard. Guarded by channel.mu.
type cache struct {
	// known says that the rest is so. New subscriptions wait for it.
	known bool
	frame protocol.Frame // nil where there is none
	until time.Time
	// fresh, where not "", names the event that was read: no reader is without it, but it
	// may yet be heard.
	fresh string
}

// prelude is what a new subscriber is told.
func (c *cache) prelude(channel string, now time.Time) protocol.Frame {
	if c.frame == nil || !now.Before(c.until) {
		return protocol.CacheMiss(channel)
	}
	return c.frame
}

// repeats says whether an event that is heard was read before, so that every reader has
// it already.
func (c *cache) repeats(e protocol.Event) bool {
	again := c.fresh != "" && c.fresh == e.CacheID
	c.fresh = ""
	return again
}

// keep makes an event that was delivered the last one. The caller holds mu.
func (ch *channel) keep(frame protocol.Frame) {
	ttl := ch.app.CacheTTL
	setDefault(&ttl, cacheTTL)
	c := ch.cache
	c.frame, c.until = frame, time.Now().Add(ttl)
	if !c.known && ch.heard {
		c.known = true
		ch.admit()
	}
}

// cached takes the last event as it was read, unless a later one was heard meanwhile.
func (ch *channel) cached(read protocol.Cached) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c := ch.cache
	if c.known {
		return
	}
	*c = cache{known: true}
	if read.Event.Name != "" {
		c.frame, c.until = protocol.EncodeEvent(read.Event), time.Now().Add(read.TTL)
		if ch.live == 0 {
			c.fresh = read.ID
		}
	}
	ch.admit()
}

// readCaches reads what cache channels begin with, until ctx ends.
func (h *Hub) readCaches(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.unread.wake:
		}
		for due := h.unread.take(); len(due) > 0; {
			n := min(len(due), cacheBatch)
			if h.readCache(ctx, due[:n]) {
				due = due[n:]
				continue
			}
			select {
			case <-time.After(cacheAgain):
			case <-ctx.Done():
				return
			}
		}
	}
}

// readCache reads the caches of some channels. It says whether Redis answered.
func (h *Hub) readCache(ctx context.Context, channels []*channel) bool {
	names := make([]protocol.ChannelName, len(channels))
	for i, ch := range channels {
		names[i] = protocol.ChannelName{App: ch.key.app, Channel: ch.key.name}
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	read, err := h.config.Caches.ReadCaches(ctx, names)
	if err != nil {
		return false
	}
	for i, ch := range channels {
		ch.cached(read[i])
	}
	h.Flush()
	return true
}
