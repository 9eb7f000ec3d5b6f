package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// dial opens a connection to the server, over TLS where that is served. Close it.
func (s *server) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if s.tls == nil {
		return conn, nil
	}
	secure := tls.Client(conn, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("shaking hands: %w", err)
	}
	return secure, nil
}

// upgradeRequest asks for a WebSocket on which the channel is to be read.
func (s *server) upgradeRequest(channel string) string {
	return "GET " + s.subject.path(channel) + " HTTP/1.1\r\nHost: " + s.address +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
}
