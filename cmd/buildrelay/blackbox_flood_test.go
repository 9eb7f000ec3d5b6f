package main_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// repeated is n copies of a frame.
func repeated(f relaytest.RawFrame, n int) []byte { return bytes.Repeat(f.Bytes(), n) }

// untilRefused writes b again and again until the relay takes no more, or has
// taken limit bytes. It returns what it took.
func untilRefused(c *relaytest.WSClient, b []byte, limit int) (taken int) {
	for taken < limit {
		if c.WriteRaw(b) != nil {
			break
		}
		taken += len(b)
	}
	return taken
}

func TestFragmentFloodIsCut(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		witness := w.Connect()
		settled := w.settled(t)
		start := frame(relaytest.RawFrame{Opcode: relaytest.OpText})
		floods := map[string]relaytest.RawFrame{
			"of nothing":        {},
			"of a byte each":    {Payload: []byte("x")},
			"between the pings": {Payload: []byte("x")},
		}
		for name, f := range floods {
			w.run(t, name, func(t *testing.T, w world) {
				closed := w.counting(`buildrelay_connections_closed_total{code="1008"}`)
				c := w.Connect()
				one := f.Bytes()
				if name == "between the pings" {
					one = append(frame(relaytest.RawFrame{Final: true, Opcode: relaytest.OpPing}), one...)
				}
				_ = c.WriteRaw(append(start, bytes.Repeat(one, 100_000)...)) // the end is not taken
				for c.Next().Kind != "close" {
					t.Fatal("no close frame")
				}
				closed(t, 1)
			})
			witness.ExpectOpen()
		}
		settled()
	})
}

// Pings beyond number are answered as long as their sender reads.
func TestPingFloodOfAReaderIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	w.run(t, "flooded", func(t *testing.T, w world) {
		witness := w.Connect()
		c := w.Connect()
		const pings = 20_000
		if err := c.WriteRaw(repeated(relaytest.RawFrame{
			Final: true, Opcode: relaytest.OpPing, Payload: bytes.Repeat([]byte("p"), 125),
		}, pings)); err != nil {
			t.Fatal(err)
		}
		for range pings {
			c.AwaitPong()
		}
		c.ExpectOpen()
		witness.ExpectOpen()
	})
	settled()
}

// The reader of a client that floods without reading waits, so that the client can
// write no more; after ten seconds it is closed. Others notice nothing.
func TestFloodsOfWhoDoesNotReadEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_WRITE_TIMEOUT": "1s"})
	witness := w.Connect()
	settled := w.settled(t)
	floods := map[string][]byte{
		"pings":          repeated(relaytest.RawFrame{Final: true, Opcode: relaytest.OpPing, Payload: make([]byte, 125)}, 1000),
		"pusher:pings":   bytes.Repeat(text(`{"event":"pusher:ping"}`), 1000),
		"junk":           bytes.Repeat(text(`{"event":"`+strings.Repeat("x", 300)+`"}`), 1000),
		"subscriptions":  bytes.Repeat(text(subscribing(`"channel":"flooded"`)), 1000),
		"unsubscription": bytes.Repeat(text(`{"event":"pusher:unsubscribe","data":{"channel":"flooded"}}`), 1000),
	}
	w.run(t, "group", func(t *testing.T, w world) {
		memory := w.Metric("process_resident_memory_bytes")
		for name, flood := range floods {
			w.run(t, name, func(t *testing.T, w world) {
				c := w.Dial(relaytest.WSOptions{Deaf: true})
				const limit = 256 << 20
				if taken := untilRefused(c, flood, limit); taken >= limit {
					t.Errorf("the relay took %d bytes and more", taken)
				}
				witness.ExpectOpen()
			})
		}
		if grown := w.Metric("process_resident_memory_bytes") - memory; grown > 64<<20 {
			t.Errorf("the relay grew by %.0f MiB", grown/(1<<20))
		}
	})
	w.ExpectMetric(`buildrelay_connections{app="3"}`, "falls to 1", func(n float64) bool { return n == 1 })
	settled()
}

// What is begun and not ended has a deadline of its own. All are watched at the
// same time.
func TestWhatIsNeverFinishedEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	witness := w.Connect()
	settled := w.settled(t)
	w.run(t, "watched", func(t *testing.T, w world) {
		silent, half, body := dialTCP(t, w), dialTCP(t, w), dialTCP(t, w)
		write(t, half, "GET /app/"+relaytest.Key+" HTTP/1.1\r\nHost: x\r\nUpgrade: web")
		write(t, body, "POST /apps/3/events?"+sign("POST", "/apps/3/events", "")+" HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
		messages := map[string][]byte{
			"half a header":          {0x81},
			"a header alone":         {0x81, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0},
			"half a payload":         {0x81, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0, 'x'},
			"a fragment":             frame(relaytest.RawFrame{Opcode: relaytest.OpText, Payload: []byte("x")}),
			"half a ping":            {0x89, 0x80 | 4, 0, 0, 0, 0, 'x'},
			"half a close":           {0x88, 0x80 | 4, 0, 0, 0, 0, 3},
			"a ping within fragment": append(frame(relaytest.RawFrame{Opcode: relaytest.OpText}), frame(relaytest.RawFrame{Final: true, Opcode: relaytest.OpPing})...),
		}
		closed := w.counting(`buildrelay_connections_closed_total{code="1008"}`)
		clients := make(map[string]*relaytest.WSClient)
		for name, b := range messages {
			clients[name] = w.Connect()
			if err := clients[name].WriteRaw(b); err != nil {
				t.Fatal(err)
			}
		}
		ended := w.Connect() // closes, and leaves the connection open
		ended.Close(1000)
		ended.ExpectClose(1000)
		expectEOF(t, silent)
		expectEOF(t, half)
		for name, c := range clients {
			t.Log(name)
			c.ExpectClose(1008)
		}
		closed(t, len(messages))
		if came := expectEOF(t, body); !strings.HasPrefix(came, "HTTP/1.1 400 ") {
			t.Errorf("half a body is answered by %q", came)
		}
		w.ExpectMetric(`buildrelay_connections{app="3"}`, "falls to 1", func(n float64) bool { return n == 1 })
		witness.ExpectOpen()
	})
	settled()
}

func TestTLSHandshakeThatIsNeverFinishedEnds(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, nil)
	witness := w.Connect()
	settled := w.settled(t)
	w.run(t, "watched", func(t *testing.T, w world) {
		silent, half, plain := dialTCP(t, w), dialTCP(t, w), dialTCP(t, w)
		write(t, half, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
		write(t, plain, "GET /app/"+relaytest.Key+" HTTP/1.1\r\nHost: x\r\n\r\n")
		expectEOF(t, silent)
		expectEOF(t, half)
		if came := expectEOF(t, plain); !strings.HasPrefix(came, "HTTP/1.0 400 ") {
			t.Errorf("a request without TLS is answered by %q", came)
		}
		witness.ExpectOpen()
	})
	settled()
}

// dialTCP connects to the relay and says nothing.
func dialTCP(t *testing.T, w world) net.Conn {
	t.Helper()
	dialer := net.Dialer{Timeout: relaytest.Patience}
	conn, err := dialer.DialContext(t.Context(), "tcp", w.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * relaytest.Patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func write(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatalf("writing: %v", err)
	}
}

// expectEOF reads to the end, which must come before the connection's deadline,
// and returns what came.
func expectEOF(t *testing.T, conn net.Conn) string {
	t.Helper()
	came, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the relay keeps the connection open; %s came", strconv.Quote(string(came)))
	}
	return string(came)
}
