package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// reader is a WebSocket client of one topic that counts what it gets.
type reader struct {
	fleet  *fleet
	topic  *topic
	conn   net.Conn
	frames frameCounter
	next   int // number of the message that comes next
	took   []time.Duration
}

// dial connects and returns when the server will send every event from now on.
func (r *reader) dial(ctx context.Context, srv *server) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if r.conn, err = srv.dial(ctx); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	_ = r.conn.SetDeadline(deadline) // fails only with what follows
	if err := r.greet(srv); err != nil {
		return err
	}
	_ = r.conn.SetDeadline(time.Time{})
	return nil
}

// greet upgrades, subscribes, and reads what comes before the first event.
func (r *reader) greet(srv *server) error {
	hello, greetings := srv.subject.hello(r.topic.name)
	if _, err := io.WriteString(r.conn, srv.upgradeRequest(r.topic.name)); err != nil {
		return fmt.Errorf("upgrading: %w", err)
	}
	var answer []byte
	buf := make([]byte, 4<<10)
	for upgraded := false; greetings > 0; {
		n, err := r.conn.Read(buf)
		if err != nil {
			return fmt.Errorf("subscribing: %w", err)
		}
		rest := buf[:n]
		if !upgraded {
			answer = append(answer, rest...)
			if _, rest, upgraded = bytes.Cut(answer, []byte("\r\n\r\n")); !upgraded {
				continue
			}
			if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
				return fmt.Errorf("upgrading: %.200s", answer)
			}
			if _, err := r.conn.Write(hello); err != nil {
				return fmt.Errorf("subscribing: %w", err)
			}
		}
		greetings -= r.frames.count(rest)
	}
	if greetings < 0 {
		return errors.New("more frames than expected before the first event")
	}
	return nil
}

// read counts until the connection ends.
func (r *reader) read(buf []byte) error {
	for {
		n, err := r.conn.Read(buf)
		if frames := r.frames.count(buf[:n]); frames > 0 {
			r.got(frames)
		}
		if err != nil {
			return err
		}
	}
}

func (r *reader) got(frames int) {
	now := time.Now()
	record := r.fleet.recording.Load()
	for range frames {
		took := r.topic.received(r.next, now)
		r.next++
		if record {
			r.took = append(r.took, took)
		}
	}
	r.fleet.delivered.Add(int64(frames))
}
