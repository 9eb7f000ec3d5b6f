package relaytest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
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
	// Response is the answer to the upgrade.
	Response *http.Response
	// SocketID is set by Established.
	SocketID string

	t       testing.TB
	conn    *websocket.Conn
	writing sync.Mutex // held while a frame is written: the reader answers pings
	came    *journal[Received]
	next    int // index in came of what has not been expected yet
	read    sync.WaitGroup
}

// Received is something that came from the relay.
type Received struct {
	// Kind is "message", "ping", "pong", "close", or "cut" when the connection
	// ended without a close frame.
	Kind string
	// Text is the message as it came, the payload of a ping or pong, the reason of
	// a close, the error of a cut.
	Text string
	// Code is the code of a close.
	Code int
	// The members of a message; Data is raw JSON, nil if absent.
	Event, Channel, UserID string
	Data                   json.RawMessage
}

// DataString is the string that the message's data must be.
func (r Received) DataString(t testing.TB) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(r.Data, &s); err != nil {
		t.Fatalf("data is no string in %s", r.Text)
	}
	return s
}

// WSOptions says how a WSClient dials. The zero value is an ordinary client.
type WSOptions struct {
	Header       http.Header
	Subprotocols []string
	TLS          *tls.Config // for wss
	IgnorePings  bool        // do not answer pings
	Deaf         bool        // do not read: no Expect method works before Hear
}

// DialWS connects to url, ws or wss, and fails the test if the upgrade is refused.
func DialWS(t testing.TB, url string, options WSOptions) *WSClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	dialer := websocket.Dialer{Subprotocols: options.Subprotocols, TLSClientConfig: options.TLS}
	conn, response, err := dialer.DialContext(ctx, url, options.Header)
	if err != nil {
		t.Fatalf("dialing %s: %v", url, err)
	}
	response.Body.Close()
	c := &WSClient{t: t, conn: conn, Response: response, came: newJournal[Received]()}
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

func parseReceived(message []byte) Received {
	received := Received{Kind: "message", Text: string(message)}
	var members struct {
		Event   string          `json:"event"`
		Channel string          `json:"channel"`
		UserID  string          `json:"user_id"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(bytes.NewReader(message)).Decode(&members); err != nil {
		received.Kind = "garbage"
		return received
	}
	received.Event, received.Channel = members.Event, members.Channel
	received.UserID, received.Data = members.UserID, members.Data
	return received
}

// Send writes a text message.
func (c *WSClient) Send(text string) {
	c.t.Helper()
	if err := c.write(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("sending %.200s: %v", text, err)
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
