package transport

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// pair is a relaxed socket and the client at its other end.
func pair(t *testing.T, group *sync.WaitGroup) (*socket, *net.TCPConn) {
	t.Helper()
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	s := accepted.(*socket)
	if err := s.relax(time.Minute, group, func() {}); err != nil {
		t.Fatal(err)
	}
	return s, conn.(*net.TCPConn)
}

func TestSocketOfAClientThatIsGoneTakesEverything(t *testing.T) {
	t.Parallel()
	var flushers sync.WaitGroup
	for name, send := range map[string]func(*socket){
		"at once": func(s *socket) { s.send([]byte("x")) },
		"corked": func(s *socket) {
			s.cork()
			_, _ = s.Write([]byte("x"))
			s.uncork()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := pair(t, &flushers)
			if err := client.SetLinger(0); err != nil {
				t.Fatal(err)
			}
			client.Close()
			if _, err := io.ReadAll(s); err == nil {
				t.Fatal("the client closed in order, want a reset")
			}
			for range 3 {
				send(s)
			}
		})
	}
	flushers.Wait()
}

// TLS answers a key update from the reader, while the worker's last write may still
// be on its way. The client must get the bytes in the order of the writes.
func TestWriteWhileAFlusherIsAtWorkNeitherWaitsNorOvertakes(t *testing.T) {
	t.Parallel()
	var flushers sync.WaitGroup
	s, client := pair(t, &flushers)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	for sent := want; len(sent) > 0; {
		n := min(len(sent), 64<<10)
		part := sent[:n]
		sent = sent[n:]
		if s.send(part) {
			continue
		}
		// The kernel is full: a flusher is about to write the rest, which nobody reads;
		// unless the kernel took it after all.
		if !flusherWrites(s) {
			continue
		}
		for range 8 {
			n := min(len(sent), 1<<10)
			_, _ = s.Write(sent[:n])
			sent = sent[n:]
		}
		want = want[:len(want)-len(sent)]
		break
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got other bytes than were written (%v)", err)
	}
	flushers.Wait()
}

// flusherWrites waits until a flusher has taken what was pending, and says whether it
// still writes.
func flusherWrites(s *socket) bool {
	for {
		s.mu.Lock()
		flushing, taken := s.flushing, s.pending == nil
		s.mu.Unlock()
		if taken || !flushing {
			return flushing
		}
		runtime.Gosched()
	}
}

// A list of thousands of members is one frame, and one turn.
func TestOneWriteMayBeOfAnySize(t *testing.T) {
	t.Parallel()
	var flushers sync.WaitGroup
	s, client := pair(t, &flushers)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	s.cork()
	for _, part := range [][]byte{want[:1<<20], want[1<<20:]} {
		_, _ = s.Write(part)
	}
	s.uncork()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got other bytes than were written (%v)", err)
	}
	flushers.Wait()
}

// TLS answers a client without end that does not read.
func TestWhoDoesNotReadWhatItMakesTheRelayWriteIsCut(t *testing.T) {
	t.Parallel()
	var flushers sync.WaitGroup
	s, client := pair(t, &flushers)
	for s.send(make([]byte, 64<<10)) || !flusherWrites(s) {
	}
	for range 2 * maxPending >> 10 {
		_, _ = s.Write(make([]byte, 1<<10))
	}
	if _, err := io.Copy(io.Discard, client); err == nil {
		s.mu.Lock()
		dead := s.dead
		s.mu.Unlock()
		if !dead {
			t.Error("the connection is alive")
		}
	}
	flushers.Wait()
}
