package transport_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// room is how much the other end of a connection takes: the rest fails at the deadline.
type room struct {
	mu      sync.Mutex
	changed sync.Cond
	last    *narrow // that was accepted
	narrow  *narrow // the one that takes no more than left
	left    int
	full    bool      // there was no room for something
	at      time.Time // deadline of the narrow one
}

// narrow is a connection of a server, with room for everything or for so much.
type narrow struct {
	net.Conn
	room *room
}

func (o *room) wrap(conn net.Conn) net.Conn {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = &narrow{conn, o}
	return o.last
}

// shrink leaves the connection that was accepted last so much room.
func (o *room) shrink(left int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.narrow, o.left, o.full, o.at = o.last, left, false, time.Time{}
}

func (o *room) isFull() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.full
}

// Write implements [net.Conn].
func (n *narrow) Write(p []byte) (int, error) {
	fits, rest := n.room.take(n, p)
	written, err := n.Conn.Write(fits)
	if err != nil || !rest {
		return written, err
	}
	n.room.awaitDeadline(n)
	return written, os.ErrDeadlineExceeded
}

func (o *room) take(n *narrow, p []byte) (fits []byte, rest bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.narrow != n {
		return p, false
	}
	fits = p[:min(len(p), o.left)]
	o.left -= len(fits)
	rest = len(fits) < len(p)
	o.full = o.full || rest
	return fits, rest
}

// awaitDeadline waits until the deadline is past: those of the tests are that or far.
func (o *room) awaitDeadline(n *narrow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.narrow == n && (o.at.IsZero() || time.Now().Before(o.at)) {
		o.changed.Wait()
	}
}

// SetWriteDeadline implements [net.Conn].
func (n *narrow) SetWriteDeadline(at time.Time) error {
	n.room.mu.Lock()
	if n.room.narrow == n {
		n.room.at = at
	}
	n.room.changed.Broadcast()
	n.room.mu.Unlock()
	return n.Conn.SetWriteDeadline(at)
}

// widen ends what shrink began.
func (o *room) widen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.narrow = nil
	o.changed.Broadcast()
}

// taken is what came over a connection so far.
type taken struct {
	mu   sync.Mutex
	text strings.Builder
	over bool
}

func (k *taken) follow(conn net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		k.mu.Lock()
		k.text.Write(buf[:n])
		k.over = err != nil
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (k *taken) all() (text string, over bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String(), k.over
}

// linesOf are the whole lines in the body of a response that may have been cut anywhere.
func linesOf(t *testing.T, raw string) (lines []string) {
	t.Helper()
	if !strings.Contains(raw, "\r\n\r\n") { // not even the head has come
		return nil
	}
	_, from := headed(t, bufio.NewReader(strings.NewReader(raw)), "POST")
	body, _ := io.ReadAll(from) // cut
	for line := range strings.Lines(string(body)) {
		if strings.HasSuffix(line, "\n") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// eventsIn are the data of the events named n in lines of a session.
func eventsIn(t *testing.T, lines []string) (data []string) {
	t.Helper()
	for _, line := range lines {
		if !strings.HasPrefix(line, "a") {
			continue
		}
		var messages []string
		if err := json.Unmarshal([]byte(line[1:]), &messages); err != nil {
			t.Fatalf("%v in %.100q", err, line)
		}
		for _, m := range messages {
			var event struct{ Event, Data string }
			if json.Unmarshal([]byte(m), &event) == nil && event.Event == "n" {
				number, _, _ := strings.Cut(event.Data, " ")
				data = append(data, number)
			}
		}
	}
	return data
}

// A client stops to take a response at any byte of it, and asks again: what it has not seen
// whole comes whole, and nothing that it has seen comes again.
func TestAFrameThatWasCutAnywhereComesOnceAndWhole(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"10 bytes": 10, "3 KB": 3_000, "6 KB": 6_000, "70 KB": 70_000} {
		for _, action := range []string{"xhr_streaming", "xhr"} {
			t.Run(action+", "+name, func(t *testing.T) {
				t.Parallel()
				o := new(room)
				o.changed.L = &o.mu
				r := newFallbackRig(t, fallbackSetup{wrap: o.wrap, config: transport.FallbackConfig{Grace: time.Minute}})
				whole := r.stopAt(t, o, action, size, -1, 0)
				at := []int{0, 1, 2, 5, 10, 100, 2_047, 2_048, 2_049, 4_095, 4_096, 4_097, whole / 2}
				for left := whole - 20; left <= whole+6; left++ { // the end of the frame, and what HTTP has behind
					at = append(at, left)
				}
				for _, left := range at {
					r.stopAt(t, o, action, size, left, whole)
				}
			})
		}
	}
}

// stopAt has a client that takes so many bytes, all if it is -1, of what is written for an
// event, and then asks again. It returns how many it took.
func (r *fallbackRig) stopAt(t *testing.T, o *room, action string, size, left, whole int) int {
	t.Helper()
	session := r.subscribed(t, "news")
	r.awaitReceiving(0)
	conn := r.tcp()
	var first taken
	var reading sync.WaitGroup
	reading.Go(func() { first.follow(conn) })
	tell(t, conn, request("POST", receivePath(session, action), "", "Connection: close"))
	r.awaitReceiving(1)
	if action == "xhr_streaming" {
		r.await("the prelude", func() bool { text, _ := first.all(); return hasPrelude(text) })
	}
	before, _ := first.all()
	if left >= 0 {
		o.shrink(left)
	}
	r.publish("news", "n", "1 "+strings.Repeat("x", size))
	r.await("the event", func() bool {
		text, _ := first.all()
		if left < 0 {
			return len(text)-len(before) > size && strings.HasSuffix(strings.TrimRight(text, "\r\n"), "]")
		}
		return len(text)-len(before) >= min(left, whole) && (left >= whole || o.isFull())
	})
	text, _ := first.all()
	again := r.tcp()
	var second taken
	reading.Go(func() { second.follow(again) })
	tell(t, again, request("POST", receivePath(session, "xhr_streaming"), ""))
	r.await("the new request", func() bool { text, _ := second.all(); return hasPrelude(text) })
	r.publish("news", "n", "2")
	r.await("the event behind", func() bool {
		text, _ := second.all()
		return strings.Contains(text, `"2\"`) && strings.HasSuffix(text, "\n")
	})
	last, _ := second.all()
	if got := append(eventsIn(t, linesOf(t, text)), eventsIn(t, linesOf(t, last))...); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("of %d bytes %d were taken, and the events are %v", whole, left, got)
	}
	o.widen()
	conn.Close()
	again.Close()
	reading.Wait()
	r.endSession(session)
	r.awaitReceiving(0)
	return len(text) - len(before)
}

// hasPrelude says whether the first line of a streaming response has come.
func hasPrelude(text string) bool { return strings.Contains(text, strings.Repeat("h", 2048)+"\n") }

// subscribed is a new session that is subscribed to a channel.
func (r *fallbackRig) subscribed(t *testing.T, channel string) (session string) {
	t.Helper()
	session = relaytest.NewSession()
	poll := func(end string) {
		for body := ""; !strings.Contains(body, end); {
			_, body = r.roundTrip(request("POST", receivePath(session, "xhr"), "", "Connection: close"))
		}
	}
	poll("connection_established")
	r.roundTrip(request("POST", receivePath(session, "xhr_send"), `["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"`+channel+`\"}}"]`))
	poll("subscription_succeeded")
	return session
}
