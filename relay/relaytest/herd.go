package relaytest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

// Herd is clients that connect all at once and do as pusher-js does: cut off, or told to come
// later, they are back after a second.
type Herd struct {
	relay   *Relay
	dialer  websocket.Dialer
	clients []*websocket.Conn
	told    atomic.Int64
}

// NewHerd returns so many clients of the relay that have yet to come.
func NewHerd(r *Relay, clients int) *Herd {
	h := &Herd{relay: r, clients: make([]*websocket.Conn, clients), dialer: websocket.Dialer{HandshakeTimeout: Patience}}
	if r.Certs != nil {
		h.dialer.TLSClientConfig = r.Certs.Client()
	}
	return h
}

// Told is how often clients were told to come later.
func (h *Herd) Told() int { return int(h.told.Load()) }

// Come has all connect at once, and returns when all have. What else they are told than to
// come later is an error.
func (h *Herd) Come(ctx context.Context) error {
	coming, ctx := errgroup.WithContext(ctx)
	for i := range h.clients {
		coming.Go(func() (err error) {
			h.clients[i], err = h.connect(ctx)
			return err
		})
	}
	return coming.Wait()
}

func (h *Herd) connect(ctx context.Context) (*websocket.Conn, error) {
	for {
		conn, err := h.try(ctx)
		if conn != nil || err != nil {
			return conn, err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try returns nothing where the client is to try again: it is told so, or was cut off because
// the relay was too busy to shake hands in time.
func (h *Herd) try(ctx context.Context) (*websocket.Conn, error) {
	conn, response, err := h.dialer.DialContext(ctx, h.relay.SocketURL(Key), nil)
	if err != nil {
		return nil, nil //nolint:nilerr // it tries again
	}
	response.Body.Close()
	_, text, err := conn.ReadMessage()
	switch {
	case err != nil:
	case bytes.Contains(text, []byte("pusher:connection_established")):
		return conn, nil
	case bytes.Contains(text, []byte(`"code":4100`)):
		h.told.Add(1)
	default:
		err = fmt.Errorf("told %s", text)
		conn.Close()
		return nil, err
	}
	conn.Close()
	return nil, nil //nolint:nilerr // as above
}

// Reset cuts off all who are connected, as a balancer does that lets its connections go.
func (h *Herd) Reset() {
	for _, c := range h.clients {
		if c == nil {
			continue
		}
		conn := c.NetConn()
		if over, ok := conn.(*tls.Conn); ok {
			conn = over.NetConn()
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // fails only when it is closed already
		}
		conn.Close()
	}
}
