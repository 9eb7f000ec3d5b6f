package outlet

import (
	"context"
	"strconv"

	"buildrelay/relay/audit"
)

// stream brings messages to a syslog server by TCP or TLS, each with its length in front (RFC
// 6587, 3.4.1; RFC 5425, 4.3). A turn is one connection.
type stream struct {
	// Static.
	dialer dialer
	times  times

	// Owned by the loop.
	connection *connection // nil between turns
}

func (s *stream) send(ctx context.Context, records []audit.Stored) error {
	var text []byte
	for _, record := range records {
		message, err := recordMessage(record)
		if err != nil {
			return err
		}
		text = appendCounted(text, message)
	}
	return s.write(ctx, text)
}

func (s *stream) head(ctx context.Context, head audit.Head) error {
	message, err := headMessage(head)
	if err != nil {
		return err
	}
	return s.write(ctx, appendCounted(nil, message))
}

func appendCounted(to []byte, message string) []byte {
	to = append(strconv.AppendInt(to, int64(len(message)), 10), ' ')
	return append(to, message...)
}

// write blocks for answer, for a connection and for each part of the text.
func (s *stream) write(ctx context.Context, text []byte) error {
	if s.connection == nil {
		connection, err := s.dialer.dial(ctx, s.times.answer)
		if err != nil {
			return err
		}
		s.connection = connection
	}
	return s.connection.write(ctx, text, s.times.answer)
}

func (s *stream) settle(ctx context.Context) error {
	if s.connection == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.put)
	defer cancel()
	if err := s.connection.end(ctx); err != nil {
		return err
	}
	s.drop()
	return nil
}

func (s *stream) drop() {
	if s.connection != nil {
		s.connection.close()
		s.connection = nil
	}
}
