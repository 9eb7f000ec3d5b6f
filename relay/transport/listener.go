package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Listener hands out the connections that [WebSocket] needs. Put TLS on top of
// it, never beneath. Its fields are to be set before the first Accept.
type Listener struct {
	*net.TCPListener
	// Descriptors are what connections take up; nil means that there is no end of them.
	Descriptors *Descriptors
	// Log is told, now and then, that nothing can be accepted. It is required.
	Log *slog.Logger

	closing sync.Once
	closed  chan struct{}
	told    time.Time // belongs to Accept
}

// Listen listens on a TCP address, such as ":6001".
func Listen(ctx context.Context, address string) (*Listener, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listening on %s: not TCP", address), ln.Close())
	}
	return &Listener{TCPListener: tcp, Log: slog.New(slog.DiscardHandler), closed: make(chan struct{})}, nil
}

// Accept waits for the next connection, and before that for a descriptor.
func (l *Listener) Accept() (net.Conn, error) {
	if l.Descriptors.none() {
		if l.tells() {
			l.Log.Warn("no connection is accepted until another is closed: there are too few file descriptors")
		}
		l.Descriptors.await(l.closed)
	}
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, l.failed(err)
	}
	l.Descriptors.opened()
	return &socket{TCPConn: conn, descriptors: l.Descriptors}, nil
}

// Close ends Accept, too.
func (l *Listener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

// failed makes a temporary error of every one but the end: net/http waits a little and goes
// on after those, and serves nobody any more after others. The kernel tells here of a client
// that is gone already, and that it is short of something.
func (l *Listener) failed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	if l.tells() {
		l.Log.Warn("a connection cannot be accepted", "error", err)
	}
	return temporary{err}
}

// tellEvery is the least time between two words about what cannot be accepted.
const tellEvery = time.Minute

// tells says whether it is time for such a word.
func (l *Listener) tells() bool {
	now := time.Now()
	if !l.told.IsZero() && now.Sub(l.told) < tellEvery {
		return false
	}
	l.told = now
	return true
}

// temporary is a [net.Error] after which accepting goes on.
type temporary struct{ error }

func (temporary) Timeout() bool   { return false }
func (temporary) Temporary() bool { return true }
func (t temporary) Unwrap() error { return t.error }
