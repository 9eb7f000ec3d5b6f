package relay

import (
	"context"
	"time"

	"buildrelay/protocol"
)

// Drain asks every client to reconnect, spread evenly over the window so that they do not
// all arrive elsewhere at once, and returns when all were asked or ctx ends. New connections
// are refused from the start.
func (h *Hub) Drain(ctx context.Context, window time.Duration) {
	if conns := h.refuseNew(); len(conns) > 0 {
		h.closeAll(ctx, conns, window)
	}
}

// Wait waits until a hub that drains has no connection left, or ctx ends.
func (h *Hub) Wait(ctx context.Context) {
	select {
	case <-h.drained:
	case <-ctx.Done():
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
	conns := make([]*Conn, 0, len(h.conns))
	for _, c := range h.conns {
		conns = append(conns, c)
	}
	if len(conns) == 0 {
		close(h.drained)
	}
	return conns
}

// closeAll closes the connections over the window, a batch every step.
func (h *Hub) closeAll(ctx context.Context, conns []*Conn, window time.Duration) {
	const step = 20 * time.Millisecond
	steps := max(1, int(window/step))
	tick := time.NewTicker(step)
	defer tick.Stop()
	for i := range steps {
		for _, c := range conns[i*len(conns)/steps : (i+1)*len(conns)/steps] {
			c.Close(protocol.ErrRestarting())
		}
		if i == steps-1 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
