package broker_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy forwards TCP connections to a server, or swallows what they carry.
type proxy struct {
	server   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	hole  bool
	pairs []*pair
}

// pair is a connection of a client and the one to the server for it.
type pair struct {
	client, server net.Conn
	dead           atomic.Bool
}

// startProxy returns a proxy that forwards until the test ends.
func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: server, listener: listener}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.eachPair(func(c *pair) { c.close() })
		p.running.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// connections is how many there have been.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// blackHole swallows all that the connections carry from now on, and that new ones
// will, and closes none.
func (p *proxy) blackHole() {
	p.setHole(true)
	p.eachPair(func(c *pair) { c.dead.Store(true) })
}

// repair forwards new connections again. The old ones stay dead, as those do that a
// firewall forgot.
func (p *proxy) repair() { p.setHole(false) }

func (p *proxy) setHole(hole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = hole
}

func (p *proxy) eachPair(do func(*pair)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.pairs {
		do(c)
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.connect(&pair{client: client, server: server})
	}
}

func (p *proxy) connect(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.dead.Store(p.hole)
	p.pairs = append(p.pairs, c)
	p.running.Go(func() { c.forward(c.client, c.server) })
	p.running.Go(func() { c.forward(c.server, c.client) })
}

func (c *pair) forward(from, to net.Conn) {
	defer c.close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if c.dead.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (c *pair) close() {
	_ = c.client.Close()
	_ = c.server.Close()
}
