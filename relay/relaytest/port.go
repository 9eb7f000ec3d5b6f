package relaytest

import (
	"net"
	"testing"
)

// freePort is a TCP port of loopback that nobody listened on a moment ago.
// Whoever starts on it must be ready to lose a race for it.
func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("finding a free port: %v", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
