package relaytest

import (
	"math/rand/v2"
	"net"
	"testing"
)

// The ports are below those that kernels give to connections: whoever stops and starts again
// finds its port free.
const (
	firstPort = 20_000
	ports     = 12_000
)

// freePort is a TCP port of loopback that nobody listened on a moment ago.
// Whoever starts on it must be ready to lose a race for it.
func freePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		port := firstPort + rand.IntN(ports)
		var listener net.Listener
		if listener, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatalf("finding a free port: %v", err)
	return 0
}
