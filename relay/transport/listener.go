package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Listener hands out the connections that [WebSocket] needs. Put TLS on top of
// it, never beneath.
type Listener struct{ *net.TCPListener }

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
	return &Listener{tcp}, nil
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &socket{TCPConn: conn}, nil
}
