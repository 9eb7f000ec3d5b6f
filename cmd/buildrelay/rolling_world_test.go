package main_test

import (
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// door is a balancer for connections: each goes to the next node that is ready.
type door struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	nodes  []doorNode
	next   int
	open   []net.Conn
	closed bool
}

// doorNode is where a node listens; that stays as it is when it is restarted.
type doorNode struct{ address, metrics string }

func openDoor(t *testing.T, nodes []world) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{listener: listener}
	for _, w := range nodes {
		d.nodes = append(d.nodes, doorNode{w.Address, w.Metrics})
	}
	d.running.Go(d.accept)
	t.Cleanup(func() {
		listener.Close()
		d.mu.Lock()
		d.closed = true
		for _, c := range d.open {
			c.Close()
		}
		d.mu.Unlock()
		d.running.Wait()
	})
	return d
}

func (d *door) address() string { return d.listener.Addr().String() }

func (d *door) accept() {
	for {
		client, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.running.Go(func() { d.carry(client) })
	}
}

// carry carries a connection to a node that is ready.
func (d *door) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", d.choose())
	if err != nil {
		return
	}
	defer server.Close()
	d.mu.Lock()
	d.open = append(d.open, client, server)
	d.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(server, client)
	_ = server.(*net.TCPConn).CloseWrite()
	back.Wait()
}

// choose asks the nodes whether they are ready, in turn, as no balancer would do for each
// connection: this one notices at once what others notice within the drain delay. Where
// none is it returns none.
func (d *door) choose() (address string) {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for range int(relaytest.Patience / (5 * time.Millisecond)) {
		d.mu.Lock()
		d.next++
		node, closed := d.nodes[d.next%len(d.nodes)], d.closed
		d.mu.Unlock()
		if closed {
			return ""
		}
		response, err := http.Get("http://" + node.metrics + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return node.address
			}
		}
		<-again.C
	}
	return ""
}
