package relay

import (
	"cmp"
	"time"

	"buildrelay/protocol"
)

// Caches tells the last events of cache channels.
type Caches interface {
	// AskCache asks for the last event of a channel that is heard: [Hub.Deliver] is called
	// with it, in its place among the events of the channel, so that it is the last one of
	// those that were heard or were published before. It is called once more
	// after [Hub.Interrupted], when what was asked for is forgotten. It never blocks, and
	// calls nothing back before it returns.
	AskCache(appID, channel string)
}

// cache is the last event of a cache channel: first as it is kept, then as it is heard.
// Guarded by channel.mu.
type cache struct {
	// known says that the rest is so. New subscriptions wait for it.
	known bool
	frame protocol.Frame // nil where there is none
	until time.Time
}

// last is the last event, nil if there is none any more.
func (c *cache) last(now time.Time) protocol.Frame {
	if !now.Before(c.until) {
		return nil
	}
	return c.frame
}

// keep makes an event that was delivered the last one, if it is known what was before: else
// what is read will be as new. The caller holds mu.
func (ch *channel) keep(frame protocol.Frame) {
	if c := ch.cache; c.known {
		ttl := cmp.Or(ch.app.Load().CacheTTL, protocol.DefaultCacheTTL)
		c.frame, c.until = frame, time.Now().Add(ttl)
	}
}

// cached takes the last event as it is kept at this point.
func (ch *channel) cached(last protocol.Cached) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.cache == nil || ch.cache.known || !ch.heard {
		return
	}
	*ch.cache = cache{known: true}
	if last.Event.Name != "" {
		ch.cache.frame, ch.cache.until = protocol.EncodeEvent(last.Event), time.Now().Add(last.TTL)
	}
	ch.admit()
}
