package roster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// options are the settings that the roster needs: what fails is told again by the
// roster itself, which has to know.
func options(base *redis.Options) *redis.Options {
	o := *base
	o.Protocol = 2
	o.MaxRetries = -1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = callTimeout, callTimeout, callTimeout
	o.DialerRetries = 1
	o.ContextTimeoutEnabled = true
	o.PipelinePoolSize, o.MinIdleConns = -1, 0
	return &o
}

// dialOnce makes one connection, for a client that is not to replace it behind our
// back. Dialing ends with ctx, the connection with life.
func dialOnce(ctx, life context.Context, config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	var once sync.Once
	return func(_ context.Context, network, address string) (conn net.Conn, err error) {
		err = errors.New("the connection to Redis has ended")
		once.Do(func() { conn, err = dial(ctx, life, config, network, address) })
		return conn, err
	}
}

func dial(ctx, life context.Context, config *tls.Config, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dialing: %w", err)
	}
	// To close a TLS connection is to write, which may hang.
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
