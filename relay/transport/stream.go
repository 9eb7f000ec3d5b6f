package transport

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/http"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay"
)

// messageTime is how long a client may take for one message, from its first
// byte to its last.
const messageTime = 10 * time.Second

// stream is the connection that gorilla gets: the socket, or TLS over it. It
// lets gorilla read, follows what it reads, and turns what gorilla writes of its
// own accord - pongs and closes - into replies of the connection, because the
// worker alone writes.
type stream struct {
	net.Conn
	// conn is nil until the handshake is over; till then writes go straight out.
	conn *relay.Conn

	// Owned by the reader.

	scanner scanner
	hurried bool // a read deadline is set
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if broken := s.scanner.scan(p[:n]); broken != nil {
		return 0, broken
	}
	if hurry := !s.scanner.between(); hurry != s.hurried && s.conn != nil {
		s.hurried = hurry
		var deadline time.Time
		if hurry {
			deadline = time.Now().Add(messageTime)
		}
		_ = s.SetReadDeadline(deadline)
	}
	return n, err
}

// Write is called by gorilla with one whole control frame, by the reader: a pong,
// or a close with a code for a breach of RFC 6455.
func (s *stream) Write(p []byte) (int, error) {
	if s.conn == nil {
		return s.Conn.Write(p)
	}
	frame := append([]byte(nil), p...)
	if p[0]&0x0f == protocol.OpClose {
		s.conn.Breach(int(binary.BigEndian.Uint16(p[2:])), frame)
	} else {
		s.conn.Reply(frame)
	}
	return len(p), nil
}

// SetWriteDeadline does nothing: writes are replies, and never wait here.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

// hijacker gives gorilla a stream in place of the server's connection. The stream
// must not keep the hijacker, which holds on to the request and its buffers.
type hijacker struct {
	http.ResponseWriter
	stream *stream
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.stream = &stream{Conn: conn}
	return h.stream, rw, nil
}
