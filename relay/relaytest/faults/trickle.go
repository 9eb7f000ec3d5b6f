package faults

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// sip is what a slow reader takes at a time.
const sip = 1 << 10

// trickle is a connection that is read slowly, until hurry.
type trickle struct {
	net.Conn
	every time.Duration // a sip
	hurry *atomic.Bool
}

// Read waits before it reads. A connection that ends meanwhile is found by the read.
func (c *trickle) Read(b []byte) (int, error) {
	if !c.hurry.Load() {
		pause(c.every, nil)
		b = b[:min(sip, len(b))]
	}
	return c.Conn.Read(b)
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
