package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
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

// toOne returns the server as one client knows it: that resumes its TLS sessions, as
// browsers do.
func (s *server) toOne() *server {
	own := *s
	if s.tls != nil {
		own.tls = s.tls.Clone()
		own.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return &own
}

// upgradeRequest asks for a WebSocket on which the channel is to be read.
func (s *server) upgradeRequest(channel string) string {
	return "GET " + s.subject.path(channel) + " HTTP/1.1\r\nHost: " + s.address +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
}

// upgrade makes a WebSocket of the connection and takes the answer from in.
func (s *server) upgrade(conn net.Conn, in *bufio.Reader, channel string) error {
	if _, err := io.WriteString(conn, s.upgradeRequest(channel)); err != nil {
		return fmt.Errorf("upgrading: %w", err)
	}
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return fmt.Errorf("upgrading: %w", err)
		}
		if strings.HasPrefix(line, "HTTP/") && !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			return errors.New("upgrading: " + line)
		}
	}
	return nil
}
