package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"buildrelay/relay/relaytest"
)

// herd is clients over TLS that do as pusher-js does: told to come later they are back after
// a second.
type herd struct {
	world
	dialer  websocket.Dialer
	clients []*websocket.Conn
	told    atomic.Int64 // to come later
}

func newHerd(w world, clients int) *herd {
	return &herd{
		world: w, clients: make([]*websocket.Conn, clients),
		dialer: websocket.Dialer{TLSClientConfig: w.Certs.Client(), HandshakeTimeout: relaytest.Patience},
	}
}

// come has all connect at once, and returns when all have.
func (h *herd) come(ctx context.Context) error {
	coming, ctx := errgroup.WithContext(ctx)
	for i := range h.clients {
		coming.Go(func() (err error) {
			h.clients[i], err = h.connect(ctx)
			return err
		})
	}
	return coming.Wait()
}

func (h *herd) connect(ctx context.Context) (*websocket.Conn, error) {
	for {
		conn, response, err := h.dialer.DialContext(ctx, h.SocketURL(relaytest.Key), nil)
		if err != nil {
			return nil, fmt.Errorf("connecting: %w", err)
		}
		response.Body.Close()
		_, text, err := conn.ReadMessage()
		if err == nil && bytes.Contains(text, []byte("pusher:connection_established")) {
			return conn, nil
		}
		conn.Close()
		if err != nil || !bytes.Contains(text, []byte(`"code":4100`)) {
			return nil, fmt.Errorf("told %s: %w", text, err)
		}
		h.told.Add(1)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reset cuts off all who are connected, as a balancer does that lets its connections go.
func (h *herd) reset() {
	for _, c := range h.clients {
		if c == nil {
			continue
		}
		over, _ := c.NetConn().(*tls.Conn)
		tcp, _ := over.NetConn().(*net.TCPConn)
		_ = tcp.SetLinger(0) // fails only when it is closed already
		tcp.Close()
	}
}

// F18. Those for whom there is no time are told so, and all are back; a page is, too, by
// itself.
func TestAHerdIsTakenAFewAtATime(t *testing.T) {
	t.Parallel()
	const clients, each = 300, 100
	w := newTLSWorld(t, map[string]string{"RELAY_MAX_HANDSHAKES": fmt.Sprint(each)})
	h := newHerd(w, clients)
	for range 2 {
		before, begun := h.told.Load(), time.Now()
		if err := h.come(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begun)
		t.Logf("all are in after %s, told to come later %d times", took, h.told.Load()-before)
		if took < (clients/each-1)*time.Second || took > 15*time.Second {
			t.Errorf("it took %s, want 2 s to 15 s", took)
		}
		w.ExpectMetric(`buildrelay_connections{app="3"}`, "has all of them", func(n float64) bool { return n == clients })
		if shed := w.Metric(`buildrelay_shed_total{why="handshakes"}`); int64(shed) != h.told.Load() || shed == 0 {
			t.Errorf("%v were shed, %d clients told so", shed, h.told.Load())
		}
		h.reset()
	}
	w.expectGone()
}

func TestAPageInAHerdComesBack(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, map[string]string{"RELAY_MAX_HANDSHAKES": "30"})
	page := relaytest.StartPusherJS(t, "8.6.0", w.Relay, relaytest.PusherJSOptions{})
	page.ExpectState("connected")
	h := newHerd(w, 120)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var herding errgroup.Group
	herding.Go(func() error {
		for ctx.Err() == nil {
			if err := h.come(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			h.reset()
		}
		return nil
	})
	for told := false; !told; {
		page.Cut()
		told = page.Expect("being told to come later, or not", func(s relaytest.Said) bool {
			return s.Type == "state" && s.Current == "connected" || s.Type == "error" && s.Code != nil && *s.Code == 4100
		}).Type == "error"
	}
	stop()
	if err := herding.Wait(); err != nil {
		t.Error(err)
	}
	page.ExpectState("connected")
}
