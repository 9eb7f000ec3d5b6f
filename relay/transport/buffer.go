package transport

import (
	"sync"
	"syscall"
)

// buffer holds what a socket could not write yet. Buffers go round among the
// sockets that need one; an idle connection has none.
type buffer struct{ data []byte }

const (
	bufferSize = 72 << 10 // a worker's turn, with room for the records of TLS
	keptSize   = 256 << 10
)

//nolint:gochecknoglobals // a pool is of use only when all sockets share it
var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, bufferSize)} }}

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	if cap(b.data) <= keptSize {
		b.data = b.data[:0]
		buffers.Put(b)
	}
}

// attempt is one write that does not wait. It is kept for the next one, because
// the function that syscall.RawConn wants would otherwise be made anew each time.
type attempt struct {
	p   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

//nolint:gochecknoglobals // a pool is of use only when all sockets share it
var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.try = a.write
	return a
}}

func takeAttempt(p []byte) *attempt {
	a := attempts.Get().(*attempt)
	a.p, a.n, a.err = p, 0, nil
	return a
}

// write is called with the socket's descriptor, which does not block. It returns
// true, so that the runtime does not wait for the socket to be ready.
func (a *attempt) write(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), a.p)
		if err == syscall.EINTR { //nolint:errorlint // system calls return bare numbers
			continue
		}
		a.n, a.err = max(n, 0), err
		return true
	}
}

func (a *attempt) release() {
	a.p = nil
	attempts.Put(a)
}
