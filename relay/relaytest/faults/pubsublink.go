package faults

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// PubSubLink is a proxy to Redis that can swallow what its subscribing connections
// carry and leave the others alone. Toxiproxy can't: it treats all connections of
// a proxy alike, and a client says what a connection is for only once it stands.
type PubSubLink struct {
	server     string
	listener   net.Listener
	running    sync.WaitGroup
	swallowing atomic.Bool

	mu    sync.Mutex
	pairs []*pair
}

// pair is a connection of a client and the one to Redis for it.
type pair struct {
	client, server net.Conn
	subscribes     atomic.Bool
	dead           atomic.Bool // what was swallowed is missing: it carries nothing more
}

// StartPubSubLink returns a proxy that forwards until the test ends.
func StartPubSubLink(t testing.TB, server string) *PubSubLink {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening for connections to Redis: %v", err)
	}
	l := &PubSubLink{server: server, listener: listener}
	l.running.Go(l.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		l.closeAll()
		l.running.Wait()
	})
	return l
}

// Address is where the proxy listens.
func (l *PubSubLink) Address() string { return l.listener.Addr().String() }

// Swallow makes subscribing connections, old and new, carry nothing, and closes
// none.
func (l *PubSubLink) Swallow() { l.swallowing.Store(true) }

// Repair forwards new connections again. Those that something is missing from stay
// silent, as those do that a firewall forgot.
func (l *PubSubLink) Repair() { l.swallowing.Store(false) }

func (l *PubSubLink) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pairs {
		p.close()
	}
}

func (l *PubSubLink) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.forwardBoth(&pair{client: client, server: server})
	}
}

func (l *PubSubLink) forwardBoth(p *pair) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pairs = append(l.pairs, p)
	l.running.Go(func() { l.forward(p, p.client, p.server, p.watch()) })
	l.running.Go(func() { l.forward(p, p.server, p.client, func([]byte) {}) })
}

// forward copies until either side ends. look sees everything first.
func (l *PubSubLink) forward(p *pair, from, to net.Conn, look func([]byte)) {
	defer p.close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		look(buffer[:n])
		if l.swallowing.Load() && p.subscribes.Load() {
			p.dead.Store(true)
		}
		if p.dead.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// watch returns what looks for SUBSCRIBE in what the client sends.
func (p *pair) watch() func([]byte) {
	command := []byte("\r\nsubscribe\r\n")
	var rest []byte
	return func(sent []byte) {
		seen := append(rest, bytes.ToLower(sent)...)
		if bytes.Contains(seen, command) {
			p.subscribes.Store(true)
		}
		rest = bytes.Clone(seen[max(0, len(seen)-len(command)):])
	}
}

func (p *pair) close() {
	_ = p.client.Close()
	_ = p.server.Close()
}
