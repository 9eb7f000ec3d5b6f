package relay

import (
	"context"
	"sync"
	"time"

	"buildrelay/protocol"
)

// linger is how long a channel without subscriptions is kept.
const linger = 2 * time.Second

// wheelSize is how many seconds ahead a wheel looks; what is due later goes
// round once more.
const wheelSize = 256

// wheel holds, for each second, the connections to look at then. A connection
// stands in it exactly once.
type wheel struct {
	mu    sync.Mutex
	slots [wheelSize][]*Conn
}

// add puts c in the slot of a time that is not yet past.
func (w *wheel) add(c *Conn, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slot := &w.slots[at%wheelSize]
	*slot = append(*slot, c)
}

// take empties the slot of the given second.
func (w *wheel) take(now int64) []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	slot := &w.slots[now%wheelSize]
	due := *slot
	*slot = nil
	return due
}

// sweep looks, once a second, after silent connections and idle channels.
func (h *Hub) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h.advance(int64(now.Sub(h.start) / time.Second))
			h.sweepChannels(now)
			h.ageLogs(now)
			h.ageRolls(now)
			h.pages.expire(now)
		}
	}
}

// stuckAfter is how far the clock may be behind.
const stuckAfter = 10 * time.Second

// Alive says whether the sweeper, which looks at everything under its locks, goes on: a hub
// that hangs does not come back by itself.
func (h *Hub) Alive() bool {
	return time.Since(h.start)-time.Duration(h.clock.Load())*time.Second < stuckAfter
}

// advance moves the clock to the given second and looks at the connections whose
// time came.
func (h *Hub) advance(to int64) {
	for second := h.clock.Load() + 1; second <= to; second++ {
		h.clock.Store(second)
		for _, c := range h.wheel.take(second) {
			if again := c.checkLife(second); again > 0 {
				h.wheel.add(c, again)
			}
		}
	}
}

// firstLook is when a new connection is looked at for the first time.
func (c *Conn) firstLook() int64 {
	return c.beforeDeadline(c.opened + seconds(c.hub.config.PingAfter) + 1)
}

// beforeDeadline is a time, or the earlier one when the client has to have proved
// something.
func (c *Conn) beforeDeadline(at int64) int64 {
	if d := c.app.Load().AuthorizationTimeout; d > 0 && !c.authorized.Load() {
		return min(at, c.opened+seconds(d)+1)
	}
	return at
}

// checkLife closes a connection that proved nothing in time, asks a silent client for a
// sign of life, and gives it up when none came. It returns when to look again, 0 for
// never.
func (c *Conn) checkLife(now int64) (again int64) {
	if c.isEnding() {
		return 0
	}
	if c.beforeDeadline(now+1) <= now {
		c.Close(protocol.ErrUnauthorized())
		return 0
	}
	if again = c.checkSilence(now); again > 0 {
		again = c.beforeDeadline(again)
	}
	return again
}

func (c *Conn) checkSilence(now int64) (again int64) {
	ping, grace := seconds(c.hub.config.PingAfter), seconds(c.hub.config.PongTimeout)
	seen := c.seen.Load()
	switch {
	case c.probed > 0 && seen < c.probed:
		if now-c.probed >= grace {
			c.Close(protocol.ErrPongTimeout())
			return 0
		}
		return c.probed + grace
	case now-seen >= ping:
		c.probed = now
		c.push(protocol.Control(protocol.OpPing, nil)) // all clients answer it, unlike pusher:ping
		return now + min(ping, grace)
	default:
		return seen + ping
	}
}

func (c *Conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// sweepChannels forgets the channels that nobody came back to.
func (h *Hub) sweepChannels(now time.Time) {
	since := now.Add(-linger)
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.idle[:0]
	for _, ch := range h.idle {
		switch empty, long := ch.idle(since); {
		case !empty || h.channels[ch.key] != ch:
		case long:
			delete(h.channels, ch.key)
			delete(h.logs, ch.key)
			h.metrics.Channels.Dec()
			h.config.Interest.Unwatch(ch.key.app, ch.key.name)
		default:
			kept = append(kept, ch)
		}
	}
	clear(h.idle[len(kept):])
	h.idle = kept
}

// seconds rounds up, so that a client never gets less time than was promised.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
