package faults

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// socket is a reader's connection with its handshake behind it.
type socket struct {
	conn     *websocket.Conn
	socketID string
	release  func() bool
}

// silence is how long a relay may say nothing, not even a ping, before its client
// gives the connection up.
const silence = 30 * time.Second

// dial connects. slow, if not 0, is what a KiB takes until hurry. The connection
// ends with ctx.
func dial(ctx context.Context, url string, config *tls.Config, slow time.Duration, hurry *atomic.Bool) (*socket, error) {
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second, TLSClientConfig: config}
	if slow > 0 {
		plain := net.Dialer{Control: smallBuffers}
		dialer.ReadBufferSize = sip
		dialer.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := plain.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &trickle{conn, slow, hurry}, nil
		}
	}
	conn, response, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", url, err)
	}
	_ = response.Body.Close()
	s := &socket{conn: conn}
	answer := conn.PingHandler()
	conn.SetPingHandler(func(payload string) error {
		_ = conn.SetReadDeadline(time.Now().Add(silence)) // fails only with the read
		return answer(payload)
	})
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
	var data struct {
		SocketID string `json:"socket_id"`
	}
	if err := json.Unmarshal([]byte(f.text()), &data); err != nil || data.SocketID == "" {
		return errors.New("there was no handshake")
	}
	s.socketID = data.SocketID
	return nil
}

// next is the next message.
func (s *socket) next() (frame, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(silence)) // fails only with the read
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
