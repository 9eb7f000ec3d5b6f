package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
)

// dialOnce makes a connection that lives no longer than ctx. Without its own
// dialer go-redis would not let go of a TCP connection that hangs, and would
// replace one behind our back.
func (l *link) dialOnce(ctx context.Context, config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	var once sync.Once
	return func(_ context.Context, network, address string) (conn net.Conn, err error) {
		err = errors.New("the link has ended")
		once.Do(func() { conn, err = l.dial(ctx, config, network, address) })
		return conn, err
	}
}

func (l *link) dial(ctx context.Context, config *tls.Config, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dialing: %w", err)
	}
	// It is the TCP connection that is closed: to close a TLS connection is to
	// write, which may hang as well.
	l.running.Go(func() {
		<-ctx.Done()
		_ = conn.Close()
	})
	if config == nil {
		return &flushingConn{conn, l.flush}, nil
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return &flushingConn{secure, l.flush}, nil
}

// flushingConn calls flush when go-redis has used up what it had read: readers are
// then served once for all events that came together.
type flushingConn struct {
	net.Conn
	flush func()
}

func (c *flushingConn) Read(p []byte) (int, error) {
	c.flush()
	return c.Conn.Read(p)
}
