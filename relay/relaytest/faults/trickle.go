package faults

import (
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

// smallBuffer lets the kernel hold little of what is not read.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
	}); e != nil {
		return e
	}
	return err
}
