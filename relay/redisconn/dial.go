package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Dialer is what [Options] take to make connections.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// DialOnce makes one connection, with TLS unless config is nil, and no other after it.
// Without its own dialer go-redis would not let go of a TCP connection that hangs, and
// would replace one behind our back. Dialing ends with ctx and within timeout, the
// connection with life.
func DialOnce(ctx, life context.Context, timeout time.Duration, config *tls.Config) Dialer {
	var once sync.Once
	return func(_ context.Context, network, address string) (conn net.Conn, err error) {
		err = errors.New("the connection to Redis has ended")
		once.Do(func() {
			dialing, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			conn, err = dial(dialing, life, config, network, address)
		})
		return conn, err
	}
}

func dial(ctx, life context.Context, config *tls.Config, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dialing: %w", err)
	}
	// It is the TCP connection that is closed: to close a TLS connection is to write,
	// which may hang as well.
	context.AfterFunc(life, func() { _ = conn.Close() })
	if config == nil {
		return conn, nil
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, nil
}
