package main_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// junction is a TCP proxy on loopback that leads each new connection to the node that was
// named last, as a load balancer might.
type junction struct {
	t        *testing.T
	listener net.Listener
	working  sync.WaitGroup

	mu    sync.Mutex
	node  string
	conns []net.Conn
}

// startJunction returns a proxy that forwards until the test ends.
func startJunction(t *testing.T) *junction {
	t.Helper()
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("starting a proxy: %v", err)
	}
	j := &junction{t: t, listener: listener}
	j.working.Go(j.accept)
	t.Cleanup(j.stop)
	return j
}

func (j *junction) address() string { return j.listener.Addr().String() }

// lead makes new connections go to a node.
func (j *junction) lead(node string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.node = node
}

func (j *junction) stop() {
	_ = j.listener.Close()
	j.mu.Lock()
	for _, conn := range j.conns {
		_ = conn.Close()
	}
	j.mu.Unlock()
	j.working.Wait()
}

func (j *junction) accept() {
	for {
		client, err := j.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				j.t.Errorf("accepting a connection: %v", err)
			}
			return
		}
		j.join(client)
	}
}

// join connects a client with the node. The end of one side is that of the other.
func (j *junction) join(client net.Conn) {
	j.mu.Lock()
	defer j.mu.Unlock()
	server, err := new(net.Dialer).DialContext(j.t.Context(), "tcp", j.node)
	if err != nil { // it is away, and so is this connection
		_ = client.Close()
		return
	}
	j.conns = append(j.conns, client, server)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		j.working.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = client.Close()
			_ = server.Close()
		})
	}
}
