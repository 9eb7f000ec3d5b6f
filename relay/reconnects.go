package relay

import (
	"context"
	"sync"

	"buildrelay/protocol"
)

// reconnects are connections that are to be asked to come again, such as those that stood on a key
// which is not valid any more.
type reconnects struct {
	wake chan struct{} // holds one signal

	mu      sync.Mutex
	waiting map[protocol.Close][]*Conn // by what they are told
}

func newReconnects() *reconnects { return &reconnects{wake: make(chan struct{}, 1)} }

// add adds connections; why is what they are told. It never blocks.
func (r *reconnects) add(why *protocol.Close, conns ...*Conn) {
	if len(conns) == 0 {
		return
	}
	r.mu.Lock()
	if r.waiting == nil {
		r.waiting = make(map[protocol.Close][]*Conn)
	}
	r.waiting[*why] = append(r.waiting[*why], conns...)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reconnects) take() (conns map[protocol.Close][]*Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	conns, r.waiting = r.waiting, nil
	return conns
}

// reconnect asks them, those of each time over a window of their own, until ctx ends. It
// waits for all that it began.
func (h *Hub) reconnect(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.reconnects.wake:
			for why, conns := range h.reconnects.take() {
				running.Go(func() { h.dismissAll(ctx, conns, h.config.ReconnectWindow, &why) })
			}
		}
	}
}
