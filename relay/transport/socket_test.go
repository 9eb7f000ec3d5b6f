package transport

import (
	"io"
	"net"
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
	if err := s.relax(time.Second, group, func() {}); err != nil {
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
