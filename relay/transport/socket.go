package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxPending is what a socket holds at the most beside what a flusher writes, for a client
// that does not read: the worker gives it nothing meanwhile, but a client that makes TLS
// answer without end would get there.
const maxPending = 1 << 20

// socket is the TCP connection beneath everything else, TLS too. It begins as
// an ordinary net.Conn. After [socket.relax] its Write never waits: it hands the
// kernel what the kernel takes at once, keeps the rest, and reports success, for
// a tls.Conn is broken by a short write. A flusher, a goroutine that lives only
// as long as something is kept, writes the rest.
type socket struct {
	*net.TCPConn

	// Static after relax.

	raw     syscall.RawConn
	timeout time.Duration
	group   *sync.WaitGroup // waits for the flushers
	sent    func()          // called when a flusher has written everything

	descriptors *Descriptors // count it until it is closed
	closed      atomic.Bool

	mu       sync.Mutex
	turns    chan struct{} // see takeTurn; nil outside of a turn
	relaxed  bool
	corked   bool    // writes are collected
	dead     bool    // a write failed; nothing is written any more
	flushing bool    // a flusher is at work
	pending  *buffer // what the kernel did not take; nil when there is nothing
}

// Close closes the connection.
func (s *socket) Close() error {
	err := s.TCPConn.Close()
	s.mu.Lock()
	s.endTurn()
	s.mu.Unlock()
	if !s.closed.Swap(true) {
		s.descriptors.closed()
	}
	return err
}

// relax makes Write never wait. A client that takes nothing for the timeout is
// cut off. The flushers belong to group; sent is called by a flusher that is
// done.
func (s *socket) relax(timeout time.Duration, group *sync.WaitGroup, sent func()) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return fmt.Errorf("reaching the socket: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw, s.timeout, s.group, s.sent, s.relaxed = raw, timeout, group, sent, true
	return nil
}

// Write takes all of p. It fails only before relax.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	if !s.relaxed {
		s.endTurn()
		s.mu.Unlock()
		return s.TCPConn.Write(p)
	}
	defer s.mu.Unlock()
	s.take(p)
	return len(p), nil
}

// send takes all of p and says whether the kernel did.
func (s *socket) send(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(p)
	return !s.flushing
}

// cork makes writes collect until uncork, so that the records of one turn leave
// in one system call.
func (s *socket) cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = true
}

// uncork writes what was collected and says whether the kernel took everything.
func (s *socket) uncork() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = false
	s.drain()
	return !s.flushing
}

// take writes p or keeps it. The caller holds mu.
func (s *socket) take(p []byte) {
	if s.dead {
		return
	}
	if s.pending == nil && !s.corked && !s.flushing {
		p = p[s.attempt(p):]
	}
	if len(p) > 0 && !s.dead {
		s.keep(p)
	}
	if !s.corked {
		s.startFlusher()
	}
}

func (s *socket) keep(p []byte) {
	if s.pending == nil {
		s.pending = takeBuffer()
	}
	s.pending.data = append(s.pending.data, p...)
	if s.flushing && len(s.pending.data) > maxPending {
		s.fail()
	}
}

// drain writes what is pending, unless a flusher does. The caller holds mu.
func (s *socket) drain() {
	if s.pending == nil || s.flushing {
		return
	}
	data := s.pending.data
	rest := data[s.attempt(data):]
	if s.pending == nil { // the attempt failed
		return
	}
	if len(rest) == 0 {
		s.pending.release()
		s.pending = nil
		return
	}
	s.pending.data = append(s.pending.data[:0], rest...)
	s.startFlusher()
}

// attempt writes what the kernel takes of p without waiting, and returns how
// much that is. The caller holds mu and no flusher is at work.
func (s *socket) attempt(p []byte) int {
	a := takeAttempt(p)
	err := s.raw.Write(a.try)
	n := a.n
	if err == nil && a.err != nil && !errors.Is(a.err, syscall.EAGAIN) {
		err = a.err
	}
	a.release()
	if err != nil {
		s.fail()
	}
	return n
}

// fail gives the connection up; its reader then sees an error. The caller holds
// mu.
func (s *socket) fail() {
	s.dead = true
	s.pending = nil
	_ = s.TCPConn.Close()
}

func (s *socket) startFlusher() {
	if s.pending != nil && !s.flushing {
		s.flushing = true
		s.group.Go(s.flush)
	}
}

// flush writes until nothing is pending.
func (s *socket) flush() {
	for {
		b := s.nextPending()
		if b == nil {
			s.sent()
			return
		}
		err := s.writeAll(b.data)
		b.release()
		if err != nil {
			s.mu.Lock()
			s.fail()
			s.mu.Unlock()
		}
	}
}

// nextPending returns what the flusher writes next; nil ends the flusher.
func (s *socket) nextPending() *buffer {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.pending
	s.pending = nil
	s.flushing = b != nil
	return b
}

// writeAll writes p. It gives up when the client takes nothing for the timeout.
func (s *socket) writeAll(p []byte) error {
	for len(p) > 0 {
		if err := s.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
			return fmt.Errorf("setting the write deadline: %w", err)
		}
		n, err := s.TCPConn.Write(p)
		p = p[n:]
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return fmt.Errorf("writing to the client: %w", err)
		}
	}
	return s.SetWriteDeadline(time.Time{})
}
