package broker

import (
	"context"
	"net"

	"buildrelay/relay/redisconn"
)

// flushing makes connections that call flush.
func flushing(dial redisconn.Dialer, flush func()) redisconn.Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &flushingConn{conn, flush}, nil
	}
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
