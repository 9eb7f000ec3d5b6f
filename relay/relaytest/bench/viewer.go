package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// viewer is a client that demands every line of its channel, once and in order.
type viewer struct {
	audience *audience
	server   *server // as this client knows it
	id       int
	took     []time.Duration // of each line so far, from publishing to reading
}

// watch connects, subscribes, and reads until ctx ends or something happens that must not.
func (v *viewer) watch(ctx context.Context) error {
	if v.audience.transport == webSocket {
		return v.watchWebSocket(ctx)
	}
	x := newXHR(v)
	if v.audience.transport == xhrStreaming {
		return x.stream(ctx)
	}
	return x.poll(ctx)
}

// viewerBuffer is how much a viewer reads at once.
const viewerBuffer = 16 << 10

// dial connects. The connection is closed when ctx ends, and by what is returned.
func (v *viewer) dial(ctx context.Context) (conn net.Conn, hangUp func(), err error) {
	dialing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if conn, err = v.server.dial(dialing); err != nil {
		return nil, nil, err
	}
	forget := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { forget(); conn.Close() }, nil
}

func (v *viewer) watchWebSocket(ctx context.Context) error {
	conn, hangUp, err := v.dial(ctx)
	if err != nil {
		return err
	}
	defer hangUp()
	in := bufio.NewReaderSize(conn, viewerBuffer)
	if err := v.server.upgrade(conn, in, audienceTopic); err != nil {
		return err
	}
	send := func(text string) error {
		_, err := conn.Write(clientText(text))
		return err
	}
	for {
		first, payload, err := nextFrame(in)
		if err != nil {
			return err
		}
		head, err := in.Peek(min(payload, in.Size()))
		if err != nil {
			return err
		}
		if first != textFrame {
			return fmt.Errorf("a frame that is no text: %#x %s", first, head)
		}
		if err := v.take(head, `"`, send); err != nil {
			return err
		}
		if _, err := in.Discard(payload); err != nil {
			return err
		}
	}
}

// take takes a message that begins so, in which quote stands for a quotation mark. What
// has to be answered is answered by send.
func (v *viewer) take(head []byte, quote string, send func(text string) error) error {
	switch event := nameIn(head, quote); string(event) {
	case eventName:
		return v.line(head)
	case "pusher:connection_established":
		return send(`{"event":"pusher:subscribe","data":{"channel":"` + audienceTopic + `"}}`)
	case "pusher_internal:subscription_succeeded":
		<-v.audience.door
		v.audience.subscribed.Add(1)
		return nil
	case "pusher:ping":
		return send(`{"event":"pusher:pong","data":{}}`)
	default:
		return fmt.Errorf("unexpected: %s", head)
	}
}

// line takes a line, which must be the next one.
func (v *viewer) line(head []byte) error {
	n, ok := numberIn(head)
	switch want := len(v.took); {
	case !ok || n >= len(v.audience.sent):
		return fmt.Errorf("a line without a number: %s", head)
	case n < want:
		return fmt.Errorf("line %d came twice", n)
	case n > want:
		return fmt.Errorf("line %d was lost, there is line %d", want, n)
	}
	v.took = append(v.took, time.Duration(time.Now().UnixNano()-v.audience.sent[n].Load()))
	v.audience.received.Add(1)
	return nil
}

// nameIn returns the name of the event in a message that begins so, in which quote stands
// for a quotation mark.
func nameIn(head []byte, quote string) []byte {
	for _, part := range []string{"{", quote, "event", quote, ":", quote} {
		var found bool
		if head, found = bytes.CutPrefix(head, []byte(part)); !found {
			return nil
		}
	}
	name, _, _ := bytes.Cut(head, []byte(quote))
	return name
}

// lineLength is how long a line's data is, in bytes.
const lineLength = 120

// lineData is the data of line n, as a build may log it.
func lineData(n int) string {
	data := fmt.Sprintf(`{"number":%d,"time":"2026-11-29T12:00:00.000Z","step":"test","text":"ok buildrelay/relay/feed `, n)
	const end = `"}`
	return data + strings.Repeat(".", lineLength-len(data)-len(end)) + end
}

// numberIn returns the number of the line in a message that begins so.
func numberIn(head []byte) (n int, ok bool) {
	_, rest, _ := bytes.Cut(head, []byte("number"))
	for _, c := range bytes.TrimLeft(rest, `\":`) {
		if c < '0' || c > '9' {
			break
		}
		n, ok = 10*n+int(c-'0'), true
	}
	return n, ok
}

// errBlankLine is what no client gets over: its parser reads nothing after it.
var errBlankLine = errors.New("a blank line")
