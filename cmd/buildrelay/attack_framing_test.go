package main_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// Row 2: what a client says as it closes is text, or it broke a rule.
func TestReasonsThatAreNoTextAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, reason := range map[string]string{
		"overlong": "\xc0\xaf", "half a surrogate pair": "\xed\xa0\x80", "that breaks off": "bye \xe2\x82", "beyond Unicode": "\xf4\x90\x80\x80",
	} {
		w.run(t, name, func(t *testing.T, w world) {
			c := w.Connect()
			if err := c.WriteRaw(closingWith(1000, reason)); err != nil {
				t.Fatal(err)
			}
			c.ExpectClose(1002)
		})
	}
	w.Connect().ExpectOpen()
}

// Row 12: pongs that nobody asked for cost what it takes to read them, and nothing more.
func TestPongFloodIsIgnored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	w.run(t, "flooded", func(t *testing.T, w world) {
		memory := w.Metric("process_resident_memory_bytes")
		witness, c := w.Connect(), w.Connect()
		pongs := repeated(relaytest.RawFrame{Final: true, Opcode: relaytest.OpPong, Payload: bytes.Repeat([]byte("p"), 125)}, 1000)
		for range 200 {
			if err := c.WriteRaw(pongs); err != nil {
				t.Fatal(err)
			}
		}
		c.ExpectOpen() // and nothing came
		witness.ExpectOpen()
		if grown := w.Metric("process_resident_memory_bytes") - memory; grown > 64<<20 {
			t.Errorf("the relay grew by %.0f MiB", grown/(1<<20))
		}
	})
	settled()
}

// trickle writes a byte of text every now and then, the last one again and again, and returns
// when the relay takes no more, or never: the connection's deadline ends it.
func trickle(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	ticks := time.NewTicker(100 * time.Millisecond)
	defer ticks.Stop()
	for i := 0; ; i++ {
		_, err := io.WriteString(conn, text[min(i, len(text)-1):][:1])
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return
		}
		if err != nil {
			t.Fatalf("the relay keeps the connection open: %v", err)
		}
		<-ticks.C
	}
}

// Rows 9 and 21: who always sends a little does not win time by it.
func TestWhoTricklesIsCutOff(t *testing.T) {
	t.Parallel()
	plain, over := newWorld(t, nil), newTLSWorld(t, nil)
	upgraded := func(t *testing.T) net.Conn {
		t.Helper()
		conn := dialTCP(t, plain)
		if status, _, _ := answer(t, conn, "GET /app/"+relaytest.Key+" HTTP/1.1\r\n"+upgrade+"\r\n"); status != 101 {
			t.Fatalf("the upgrade is answered %d", status)
		}
		return conn
	}
	fragment := string(frame(relaytest.RawFrame{Payload: []byte("x")}))
	for name, c := range map[string]struct {
		dial func(t *testing.T) net.Conn
		text string
	}{
		"headers":       {func(t *testing.T) net.Conn { t.Helper(); return dialTCP(t, plain) }, "GET / HTTP/1.1\r\nX: xxx"},
		"a hello":       {func(t *testing.T) net.Conn { t.Helper(); return dialTCP(t, over) }, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03x"},
		"a message":     {upgraded, "\x81\xfe\xff\xff\x00\x00\x00\x00xxx"},
		"fragments":     {upgraded, string(frame(relaytest.RawFrame{Opcode: relaytest.OpText})) + strings.Repeat(fragment, 60)},
		"pings between": {upgraded, string(frame(relaytest.RawFrame{Opcode: relaytest.OpText})) + strings.Repeat("\x89\x80\x00\x00\x00\x00", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trickle(t, c.dial(t), c.text)
		})
	}
}

// Row 23: who shakes hands and leaves takes nothing with him.
func TestHandshakesThatAreBrokenOffLeaveNothing(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, nil)
	witness := w.Connect()
	settled := w.settled(t)
	w.run(t, "flooded", func(t *testing.T, w world) {
		for range 500 {
			conn := &broken{Conn: dialTCP(t, w)}
			config := w.Certs.Client()
			config.ServerName = "127.0.0.1"
			if tls.Client(conn, config).HandshakeContext(t.Context()) == nil {
				t.Fatal("the handshake was not broken off")
			}
			conn.Close()
		}
	})
	settled()
	witness.ExpectOpen()
	w.Connect().ExpectOpen()
}

// broken is a connection that ends as soon as the server has said something.
type broken struct{ net.Conn }

func (b *broken) Read(p []byte) (int, error) {
	if _, err := b.Conn.Read(p); err != nil {
		return 0, err
	}
	return 0, io.ErrUnexpectedEOF
}
