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
	// after [Hub.Interrupted], when what was asked for is forgotten, and by [Hub.RereadOf]. It
	// never blocks, and calls nothing back before it returns.
	AskCache(appID, channel string)
}

// cache is the last event of a cache channel: first as it is kept, then as it is heard.
// Guarded by channel.mu.
type cache struct {
	// known says that the rest is so. New subscriptions wait for it.
	known bool
	// outdated says that what was asked for, and is not known, may be as it is no longer shown.
	outdated bool
	frame    protocol.Frame // nil where there is none
	until    time.Time
}

// last is the last event, nil if there is none any more.
func (c *cache) last(now time.Time) protocol.Frame {
	if !now.Before(c.until) {
		return nil
	}
	return c.frame
}

// reread forgets the last event, and says whether it is to be asked for: while nothing is known it
// was asked for already, and is again once that is answered. The caller holds channel.mu.
func (c *cache) reread() (ask bool) {
	ask = c.known
	c.known, c.outdated = false, !ask
	return ask
}

// keep makes an event that was delivered the last one, if it is known what was before: else
// what is read will be as new. The caller holds mu.
func (ch *channel) keep(frame protocol.Frame) {
	if c := ch.cache; c.known {
		ttl := cmp.Or(ch.app.Load().CacheTTL, protocol.DefaultCacheTTL)
		c.frame, c.until = frame, time.Now().Add(ttl)
	}
}

// cached takes the last event as it is kept at this point, or says that it has to be asked for
// again.
func (ch *channel) cached(last protocol.Cached) (again bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	switch {
	case ch.cache == nil || !ch.heard:
		return false
	case ch.cache.outdated:
		ch.cache.outdated = false
		return true
	}
	*ch.cache = cache{known: true}
	if last.Event.Name != "" {
		ch.cache.frame, ch.cache.until = protocol.EncodeEvent(last.Event), time.Now().Add(last.TTL)
	}
	ch.admit()
	return false
}
