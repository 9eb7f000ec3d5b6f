package relaytest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// WSClient is a WebSocket connection that does what its test says and nothing
// else; only pings it answers by itself.
type WSClient struct {
	*Client
	// Response is the answer to the upgrade.
	Response *http.Response

	conn    *websocket.Conn
	writing sync.Mutex // held while a frame is written: the reader answers pings
	read    sync.WaitGroup
}

// WSOptions says how a WSClient dials. The zero value is an ordinary client.
type WSOptions struct {
	Header       http.Header
	Subprotocols []string
	TLS          *tls.Config // for wss
	IgnorePings  bool        // do not answer pings
	Deaf         bool        // do not read: no Expect method works before Hear
	// Dial makes the TCP connection, nil in the usual way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DialWS connects to url, ws or wss, and fails the test if the upgrade is refused.
func DialWS(t testing.TB, url string, options WSOptions) *WSClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	dialer := websocket.Dialer{Subprotocols: options.Subprotocols, TLSClientConfig: options.TLS, NetDialContext: options.Dial}
	conn, response, err := dialer.DialContext(ctx, url, options.Header)
	if err != nil {
		t.Fatalf("dialing %s: %v", url, err)
	}
	response.Body.Close()
	c := &WSClient{conn: conn, Response: response}
	c.Client = newClient(t, func(text string) error { return c.write(websocket.TextMessage, []byte(text)) })
	c.handleControl(options.IgnorePings)
	if !options.Deaf {
		c.Hear()
	}
	t.Cleanup(c.Cut)
	return c
}

// Hear makes a client that was deaf read.
func (c *WSClient) Hear() { c.read.Go(c.receive) }

func (c *WSClient) handleControl(ignorePings bool) {
	c.conn.SetPingHandler(func(payload string) error {
		c.came.add(Received{Kind: "ping", Text: payload})
		if ignorePings {
			return nil
		}
		_ = c.write(websocket.PongMessage, []byte(payload)) // a dead connection shows when it is read
		return nil
	})
	c.conn.SetPongHandler(func(payload string) error {
		c.came.add(Received{Kind: "pong", Text: payload})
		return nil
	})
	c.conn.SetCloseHandler(func(code int, _ string) error {
		_ = c.write(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""))
		return nil
	})
}

// receive adds what comes to the journal until the connection ends.
func (c *WSClient) receive() {
	defer c.came.end()
	for {
		_, message, err := c.conn.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case err == nil:
			c.came.add(parseReceived(message))
			continue
		// gorilla says 1006 for a connection that ended without a close frame.
		case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
			c.came.add(Received{Kind: "close", Code: closed.Code, Text: closed.Text})
		default:
			c.came.add(Received{Kind: "cut", Text: err.Error()})
		}
		return
	}
}

// Ping writes a ping.
func (c *WSClient) Ping(payload string) {
	c.t.Helper()
	if err := c.write(websocket.PingMessage, []byte(payload)); err != nil {
		c.t.Fatalf("sending a ping: %v", err)
	}
}

// Close starts the closing handshake with code.
func (c *WSClient) Close(code int) {
	c.t.Helper()
	if err := c.write(websocket.CloseMessage, websocket.FormatCloseMessage(code, "")); err != nil {
		c.t.Fatalf("sending a close frame: %v", err)
	}
}

// WriteRaw writes bytes to the connection as they are, past the WebSocket library;
// see [RawFrame]. The relay may have closed already: the error is then returned.
func (c *WSClient) WriteRaw(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.NetConn().SetWriteDeadline(time.Now().Add(Patience)) // fails only with the write
	_, err := c.conn.NetConn().Write(b)
	return err
}

// Cut ends the connection without a close frame and waits for the reader.
func (c *WSClient) Cut() {
	c.conn.Close()
	c.read.Wait()
}

// Reset is Cut, but the relay sees an error instead of an end.
func (c *WSClient) Reset() {
	conn := c.conn.NetConn()
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only when it is closed already
		tcp.Close()
	}
	c.Cut()
}

func (c *WSClient) write(kind int, payload []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(Patience)) // never fails
	return c.conn.WriteMessage(kind, payload)
}
