package relay

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"buildrelay/protocol"
)

// flushTime is how long a client that is asked to go has to take what it has yet to get,
// before its farewell.
const flushTime = time.Second

// errLeaving refuses a client that comes to a node which drains. It comes back after a
// second: told to come back at once it would do so without end, to the same node, for as
// long as the balancer has not noticed that that one goes.
func errLeaving() *protocol.Close { return protocol.ErrOverCapacity("the server is restarting") }

// Drain asks every client to reconnect, one after the other over the window so that they do
// not all arrive elsewhere at once, and returns when all were asked or ctx ends. New
// connections are refused from the start.
func (h *Hub) Drain(ctx context.Context, window time.Duration) {
	if conns := h.refuseNew(); len(conns) > 0 {
		h.dismissAll(ctx, conns, window, protocol.ErrRestarting())
	}
}

// Wait waits until a hub that drains has no connection left. Those that are left when ctx
// ends it cuts off.
func (h *Hub) Wait(ctx context.Context) {
	select {
	case <-h.drained:
	case <-ctx.Done():
		for _, c := range h.all() {
			c.transport.Cut()
		}
	}
}

// refuseNew makes the hub drain and returns the connections that are open.
func (h *Hub) refuseNew() []*Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil
	}
	h.draining = true
	if len(h.conns) == 0 {
		close(h.drained)
	}
	return slices.Collect(maps.Values(h.conns))
}

// all returns the connections that are open.
func (h *Hub) all() []*Conn {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Values(h.conns))
}

// dismissAll asks the clients to go, with a pause of chance after each, so that they
// arrive elsewhere as evenly as if they had nothing to do with each other. For those who
// went by themselves there is no pause. why is what they are told.
func (h *Hub) dismissAll(ctx context.Context, conns []*Conn, window time.Duration, why *protocol.Close) {
	end := time.Now().Add(window)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for i, c := range conns {
		left := len(conns) - i - 1
		if !c.dismiss(why) || left == 0 {
			continue
		}
		pause.Reset(jitter(time.Until(end) / time.Duration(left)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// jitter is d on average, and from a half of it to one and a half.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(max(1, d)) }

// dismiss asks the client to reconnect once it has been given what has come for it, which it
// has a moment to take. It says whether the client was still there.
func (c *Conn) dismiss(why *protocol.Close) bool {
	c.mu.Lock()
	ending := c.ending
	c.parting = why
	c.mu.Unlock()
	if !ending {
		c.worker.post(task{kind: taskDismiss, conn: c})
		time.AfterFunc(flushTime, c.farewell)
	}
	return !ending
}

// farewell ends the connection as dismiss has said.
func (c *Conn) farewell() {
	c.mu.Lock()
	why := c.parting
	c.mu.Unlock()
	c.Close(why)
}

// dismiss makes all due that the connection may not have: what came after the last pass is
// due for nobody yet.
func (w *worker) dismiss(c *Conn) {
	c.dismissed = true
	c.mu.Lock()
	for _, s := range c.subscriptions {
		if s.joined {
			c.setDue(s)
		}
	}
	c.mu.Unlock()
	w.enqueue(c)
}
