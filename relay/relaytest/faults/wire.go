package faults

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sip is what a slow reader takes at a time.
const sip = 1 << 10

// silence is how long a relay may say nothing, not even a ping, before its client
// gives the connection up.
const silence = 30 * time.Second

// wire is what the connections of a client run over. It can be slow, stand still, and be
// cut. It is safe for concurrent use.
type wire struct {
	slow  time.Duration // what a sip takes, until hurry; 0 is no time
	hurry atomic.Bool   // nothing but reading to the end is left to do

	mu    sync.Mutex
	conns map[*wired]bool
	still chan struct{} // closed when it moves again; nil while it does
}

func newWire(slow time.Duration) *wire {
	return &wire{slow: slow, conns: make(map[*wired]bool)}
}

// wired is a connection over a wire.
type wired struct {
	net.Conn
	wire *wire
}

// dial is for dialers of other libraries.
func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if w.slow > 0 {
		dialer.Control = smallBuffers
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &wired{conn, w}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
	return c, nil
}

// Read waits before it reads, where the wire is slow or stands still. A connection that ends
// meanwhile is found by the read.
func (c *wired) Read(b []byte) (int, error) {
	if still := c.wire.stands(); still != nil {
		<-still
	}
	if c.wire.slow > 0 && !c.wire.hurry.Load() {
		pause(c.wire.slow, nil)
		b = b[:min(sip, len(b))]
	}
	_ = c.SetReadDeadline(time.Now().Add(silence)) // fails only with the read
	return c.Conn.Read(b)
}

// Close is called by whoever dialed.
func (c *wired) Close() error {
	c.wire.mu.Lock()
	delete(c.wire.conns, c)
	c.wire.mu.Unlock()
	return c.Conn.Close()
}

func (w *wire) stands() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.still
}

// stand makes nothing be read from it until move.
func (w *wire) stand() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.still == nil {
		w.still = make(chan struct{})
	}
}

func (w *wire) move() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.still != nil {
		close(w.still)
		w.still = nil
	}
}

// reset ends the connections with an error on both sides.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // fails only when it is closed already
		}
		_ = c.Conn.Close()
	}
}

// smallBuffers lets the kernel hold little of what is not read. The segments are as
// small as those of a real network: the buffer of the other side grows with them.
func smallBuffers(_, _ string, c syscall.RawConn) error {
	var errs error
	err := c.Control(func(fd uintptr) {
		errs = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10),
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1<<10))
	})
	return errors.Join(err, errs)
}
