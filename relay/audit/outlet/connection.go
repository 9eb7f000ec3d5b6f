package outlet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// mostChunk is what a server has to take within the time for an answer.
const mostChunk = 64 << 10

// dialer connects to one server.
type dialer struct {
	host   string
	secure *tls.Config // nil without TLS
}

func newDialer(t Target, roots *x509.CertPool) dialer {
	d := dialer{host: t.Host}
	if t.Kind == kindSyslogTLS {
		name, _, _ := net.SplitHostPort(t.Host) // Parse made it
		d.secure = &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return d
}

func (d dialer) dial(ctx context.Context, answer time.Duration) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var plain net.Dialer
	conn, err := plain.DialContext(ctx, "tcp", d.host)
	if err != nil {
		return nil, fmt.Errorf("connecting to a syslog server: %w", err)
	}
	c := &connection{conn: conn, tcp: conn.(*net.TCPConn), ended: make(chan struct{})}
	if d.secure != nil {
		secure := tls.Client(conn, d.secure)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("greeting a syslog server: %w", err)
		}
		c.conn = secure
	}
	// close waits for it.
	go c.listen()
	return c, nil
}

// connection is one to a server that says nothing and, in the end, ends it.
type connection struct {
	// Static.
	conn net.Conn // tcp, or TLS over it
	tcp  *net.TCPConn

	ended chan struct{} // closed when the server has ended it
	// Owned by listen until ended is closed.
	err error // how; nil if orderly
}

// listen reads what the server says, which means nothing, until it ends the connection.
func (c *connection) listen() {
	defer close(c.ended)
	_, c.err = io.Copy(io.Discard, c.conn)
}

// write blocks for answer at each part of the text.
func (c *connection) write(ctx context.Context, text []byte, answer time.Duration) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	for chunk := range slices.Chunk(text, mostChunk) {
		select {
		case <-c.ended:
			return errCut
		default:
		}
		_ = c.conn.SetWriteDeadline(time.Now().Add(answer))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := c.conn.Write(chunk); err != nil {
			return fmt.Errorf("writing to a syslog server: %w", err)
		}
	}
	return nil
}

// end ends the connection. It returns nil when the server has read all that was written, and
// blocks until then or until ctx ends.
func (c *connection) end(ctx context.Context) error {
	select {
	case <-c.ended: // before all was written, or at that very moment
		return errCut
	default:
	}
	if err := c.shut(); err != nil {
		return fmt.Errorf("ending a connection to a syslog server: %w", err)
	}
	select {
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return errKept
		}
		return ctx.Err()
	case <-c.ended:
	}
	if c.err != nil {
		return fmt.Errorf("waiting for a syslog server: %w", c.err)
	}
	// It may have ended it on its own, just when the last bytes were on their way.
	return acknowledged(ctx, c.tcp)
}

// shut says that nothing more comes.
func (c *connection) shut() error {
	if secure, ok := c.conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			return err
		}
	}
	return c.tcp.CloseWrite()
}

// close cuts the connection, if it is not ended.
func (c *connection) close() {
	_ = c.tcp.Close()
	<-c.ended
}
