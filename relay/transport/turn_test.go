package transport

import (
	"net"
	"testing"
)

// A turn lasts from the client's hello to the node's.
func TestNoMoreHandshakesAreComputedThanThereAreTurns(t *testing.T) {
	t.Parallel()
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn := acceptOne(t, ln)
	defer conn.Close()
	s, _ := conn.(*socket)
	turns := make(chan struct{}, 1)
	for _, end := range []func(){
		func() { _, _ = s.Write([]byte("hello")) },
		func() { s.Close() },
	} {
		turns <- struct{}{}
		s.takeTurn(turns)
		if len(turns) != 1 {
			t.Fatal("the turn is over at once")
		}
		end()
		if len(turns) != 0 {
			t.Fatal("the turn is not over")
		}
	}
}

// acceptOne connects to the listener, and returns its end.
func acceptOne(t *testing.T, ln *Listener) net.Conn {
	t.Helper()
	var dialer net.Dialer
	client, err := dialer.DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
