package outlet_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"buildrelay/relay/audit/outlet"
)

// A server ended the connection on its own while bytes were on their way: that looks orderly.
func TestBytesThatCameTooLateAreNotAcknowledged(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	_ = server.Close()
	if _, err := client.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	_ = client.CloseWrite()
	if err := acknowledged(t, client); err == nil {
		t.Error("they are")
	}
}

func TestBytesThatWereReadAreAcknowledged(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	if _, err := client.Write([]byte("read")); err != nil {
		t.Fatal(err)
	}
	_ = client.CloseWrite()
	if text, err := io.ReadAll(server); err != nil || string(text) != "read" {
		t.Fatalf("%q, %v", text, err)
	}
	_ = server.Close()
	if _, err := io.ReadAll(client); err != nil {
		t.Fatal(err)
	}
	if err := acknowledged(t, client); err != nil {
		t.Error(err)
	}
}

func acknowledged(t testing.TB, conn *net.TCPConn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return outlet.Acknowledged(ctx, conn)
}

func tcpPair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dialed.Close()
		_ = accepted.Close()
	})
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn)
}
