package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
)

// farewellTime is what a client gets to take the last frames and to close from
// its side.
const farewellTime = 5 * time.Second

// client is one WebSocket. It is the [relay.Transport] of its connection.
type client struct {
	ws     *websocket.Conn
	stream *stream
	socket *socket   // beneath everything
	tls    *tls.Conn // nil for a plain connection
}

func newClient(ws *websocket.Conn, s *stream) *client {
	c := &client{ws: ws, stream: s}
	if c.tls, _ = s.Conn.(*tls.Conn); c.tls != nil {
		c.socket, _ = c.tls.NetConn().(*socket)
	} else {
		c.socket, _ = s.Conn.(*socket)
	}
	return c
}

// entry is to which app a client wants, and by which key.
type entry struct {
	app *auth.App
	key string
}

// serve is the life of a client, to its end. It runs on the client's reader.
func (ws *WebSocket) serve(c *client, place seat, to entry, who *applicant, refused *protocol.Close) {
	defer c.stream.Close()
	if refused == nil {
		refused = ws.join(c, to, who.facts())
	}
	if refused == nil {
		c.read()
		c.stream.conn.Closed()
	}
	place.leave()
	if refused != nil {
		ws.refuse(c, refused, who)
	}
}

// join opens the client's connection in the hub.
func (ws *WebSocket) join(c *client, to entry, facts relay.Facts) *protocol.Close {
	conn, refused := ws.Hub.Open(to.app, to.key, facts, func(conn *relay.Conn) relay.Transport {
		c.stream.conn = conn
		if err := c.socket.relax(ws.WriteTimeout, &ws.running, conn.Sent); err != nil {
			ws.Log.Error("a client cannot be served", "error", err)
		}
		return c
	})
	if refused != nil {
		return refused
	}
	ws.greeted(conn, to.app, webSocket, c.socket.RemoteAddr().String())
	return nil
}

// refuse tells a client why there is no connection, and gives it the time to close,
// unless too many have that already.
func (ws *WebSocket) refuse(c *client, why *protocol.Close, who *applicant) {
	ws.refused(why, who)
	c.refuse(why)
	if ws.lingering.enter(ws.Admission.lingerers()) {
		c.linger()
		ws.lingering.leave()
	}
}

// refuse writes by itself, since the client belongs to no worker.
func (c *client) refuse(why *protocol.Close) {
	_ = c.stream.Conn.SetWriteDeadline(time.Now().Add(farewellTime))
	_, _ = c.stream.Conn.Write(why.Farewell())
	c.closeWrite()
}

// read reads messages until the client is gone or breaks the rules.
func (c *client) read() {
	conn := c.stream.conn
	c.ws.SetPongHandler(func(string) error { conn.Seen(); return nil })
	pong := c.ws.PingHandler()
	c.ws.SetPingHandler(func(payload string) error { conn.Seen(); return pong(payload) })
	c.ws.SetCloseHandler(func(code int, _ string) error {
		conn.Part(code, protocol.Control(websocket.CloseMessage, websocket.FormatCloseMessage(code, "")))
		return nil
	})
	for {
		c.stream.scanner.limit = largest(conn.App())
		c.ws.SetReadLimit(c.stream.scanner.limit)
		kind, p, err := c.ws.ReadMessage()
		if err != nil {
			c.readFailed(err)
			return
		}
		switch {
		case kind != websocket.TextMessage:
			c.breach(websocket.CloseUnsupportedData, "only text messages are understood")
		case !utf8.Valid(p):
			c.breach(websocket.CloseInvalidFramePayloadData, "text is not UTF-8")
		default:
			conn.Receive(p)
			continue
		}
		c.linger()
		return
	}
}

// readFailed sees to it that the client gets a close frame, where it can still
// get one, and has the time to read it.
func (c *client) readFailed(err error) {
	switch {
	case errors.Is(err, errFragments):
		c.breach(websocket.ClosePolicyViolation, "message in too many fragments")
	case errors.Is(err, errLength):
		c.breach(websocket.CloseProtocolError, "malformed length")
	case errors.Is(err, websocket.ErrReadLimit): // gorilla tells of some, not of all
		c.breach(websocket.CloseMessageTooBig, "")
	case isTimeout(err):
		c.breach(websocket.ClosePolicyViolation, "message took too long")
	case isLost(err):
		return
	default: // gorilla answers breaches of RFC 6455, and closes, by itself
	}
	c.linger()
}

// breach ends a connection whose client broke the rules of WebSockets.
func (c *client) breach(code int, reason string) {
	c.stream.conn.Breach(code, protocol.CloseFrame(code, reason))
}

// isTimeout says whether the read deadline passed: gorilla hides the error itself.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// isLost says whether there is nobody left to talk to.
func isLost(err error) bool {
	var broken *net.OpError
	return errors.As(err, &broken) || websocket.IsCloseError(err, websocket.CloseAbnormalClosure)
}

// linger reads and drops what still comes, until the client closes: closing
// before would discard the last frames.
func (c *client) linger() {
	_ = c.stream.Conn.SetReadDeadline(time.Now().Add(farewellTime))
	_, _ = io.Copy(io.Discard, c.stream.Conn)
}

// Send implements [relay.Transport].
func (c *client) Send(p []byte) bool {
	if c.tls == nil {
		return c.socket.send(p)
	}
	c.socket.cork()
	_, _ = c.tls.Write(p) // fails only when the reader has closed the connection
	return c.socket.uncork()
}

// Drop implements [relay.Transport].
func (c *client) Drop() {
	c.closeWrite()
	time.AfterFunc(farewellTime, func() { _ = c.socket.Close() })
}

// Cut implements [relay.Transport].
func (c *client) Cut() { _ = c.socket.Close() }

func (c *client) closeWrite() {
	if c.tls != nil {
		_ = c.tls.CloseWrite()
	}
	_ = c.socket.CloseWrite()
}
