package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// logReader is a WebSocket client that reads a channel up to the event called
// lastEvent. On a log channel it demands every entry, once and in order.
type logReader struct {
	server  *server
	channel string
	since   string        // where it goes on in the log; empty for one that starts as the rule says
	next    uint64        // offset of the entry that comes next in the log; 0 on a live channel
	due     time.Time     // when it connects; zero for at once
	arrived *atomic.Int32 // unless nil, counts those that have their first entry

	conn    net.Conn
	in      *bufio.Reader
	entries int
	first   time.Time // when the first entry was there
	ended   time.Time // when the last one was
}

// frameEdge is how much is looked at where a frame begins, and where it ends.
const frameEdge = 64

// read connects when that is due, and reads to the end.
func (r *logReader) read(ctx context.Context, bufferSize int) (err error) {
	if err := wait(ctx, time.Until(r.due)); err != nil {
		return err
	}
	if r.conn, err = r.server.dial(ctx); err != nil {
		return err
	}
	defer r.conn.Close()
	defer context.AfterFunc(ctx, func() { r.conn.Close() })()
	r.in = bufio.NewReaderSize(r.conn, bufferSize)
	if err := r.subscribe(); err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	for r.ended.IsZero() {
		if err := r.frame(); err != nil {
			return fmt.Errorf("reading entry %d: %w", r.next, errors.Join(err, context.Cause(ctx)))
		}
	}
	return nil
}

func (r *logReader) subscribe() error {
	if err := r.server.upgrade(r.conn, r.in, r.channel); err != nil {
		return err
	}
	since := ""
	if r.since != "" {
		since = `","since":"` + r.since
	}
	_, err := r.conn.Write(clientText(`{"event":"pusher:subscribe","data":{"channel":"` + r.channel + since + `"}}`))
	return err
}

// frame takes the next frame. Of its payload only the edges are looked at.
func (r *logReader) frame() error {
	first, payload, err := nextFrame(r.in)
	if err != nil {
		return err
	}
	if first != textFrame {
		return fmt.Errorf("a frame that is no text: %#x", first)
	}
	head, err := r.in.Peek(min(payload, frameEdge))
	if err != nil {
		return err
	}
	switch event := eventIn(head); string(event) {
	case eventName:
		return r.entry(payload)
	case lastEvent:
		r.ended = time.Now()
		return r.entry(payload)
	case "pusher:connection_established", "pusher:ping", "pusher_internal:subscription_succeeded", "relay:position":
		_, err := r.in.Discard(payload)
		return err
	default:
		text, _ := r.in.Peek(min(payload, 4*frameEdge))
		return fmt.Errorf("unexpected: %s", text)
	}
}

// entry takes the payload of an event of the channel.
func (r *logReader) entry(payload int) error {
	if r.entries++; r.entries == 1 {
		r.first = time.Now()
		if r.arrived != nil {
			r.arrived.Add(1)
		}
	}
	if _, err := r.in.Discard(max(0, payload-frameEdge)); err != nil {
		return err
	}
	tail, err := r.in.Peek(min(payload, frameEdge))
	if err != nil {
		return err
	}
	if r.next > 0 {
		if got := offsetIn(tail); got != r.next {
			return fmt.Errorf("got entry %d", got)
		}
		r.next++
	}
	_, err = r.in.Discard(len(tail))
	return err
}

// eventIn returns the name of the event in a frame that begins so.
func eventIn(head []byte) []byte {
	name, found := bytes.CutPrefix(head, []byte(`{"event":"`))
	if !found {
		return nil
	}
	name, _, _ = bytes.Cut(name, []byte(`"`))
	return name
}

// offsetIn returns the offset of the position in a frame that ends so, 0 where it has
// none.
func offsetIn(tail []byte) (offset uint64) {
	at := bytes.LastIndex(tail, []byte(`"relay":"`))
	if at < 0 {
		return 0
	}
	_, id, _ := bytes.Cut(tail[at+len(`"relay":"`):], []byte(":"))
	for _, c := range id {
		if c < '0' || c > '9' {
			break
		}
		offset = 10*offset + uint64(c-'0')
	}
	return offset
}
