package faults

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
)

// connection is a client's, whatever carries it, with its handshake behind it.
type connection interface {
	// id is the socket id.
	id() string
	// next is the next message. A connection that the relay closed ends with a
	// [websocket.CloseError], whatever carries it.
	next() (frame, error)
	send(text string) error
	close()
}

// socket is a WebSocket.
type socket struct {
	conn     *websocket.Conn
	socketID string
	release  func() bool
}

// dial connects over the wire. The connection ends with ctx.
func dial(ctx context.Context, url string, config *tls.Config, w *wire) (*socket, error) {
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second, TLSClientConfig: config, NetDialContext: w.dial}
	if w.slow > 0 {
		dialer.ReadBufferSize = sip
	}
	conn, response, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", url, err)
	}
	_ = response.Body.Close()
	s := &socket{conn: conn}
	s.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := s.handshake(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) handshake() error {
	f, err := s.next()
	if err != nil {
		return err
	}
	s.socketID, err = socketIDOf(f)
	return err
}

// socketIDOf reads what a connection begins with.
func socketIDOf(f frame) (string, error) {
	var data struct {
		SocketID string `json:"socket_id"`
	}
	if err := json.Unmarshal([]byte(f.text()), &data); err != nil || data.SocketID == "" {
		return "", errors.New("there was no handshake")
	}
	return data.SocketID, nil
}

func (s *socket) id() string { return s.socketID }

func (s *socket) next() (frame, error) {
	_, message, err := s.conn.ReadMessage()
	if err != nil {
		return frame{}, fmt.Errorf("reading a message: %w", err)
	}
	return parseFrame(message)
}

func (s *socket) send(text string) error {
	return s.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

func (s *socket) close() {
	s.release()
	_ = s.conn.Close()
}
