package faults

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// HoleLink is a proxy that can swallow what its connections carry, as a network does
// that closes nothing: all of them, or those alone that subscribe in Redis, or all the
// others. Toxiproxy can't do that: it treats all connections of a proxy alike, and a
// client says what a connection is for only once it stands.
type HoleLink struct {
	// watch returns what looks at all that a client sends, and dooms the connections that
	// are to be swallowed; nil dooms all.
	watch    func(p *pair) func(sent []byte)
	listener net.Listener
	running  sync.WaitGroup
	piece    atomic.Int64 // how many bytes clients are sent at a time; 0 as they come

	mu         sync.Mutex
	server     string
	swallowing bool
	ended      bool
	pairs      []*pair
}

// pair is a connection of a client and the one to the server for it.
type pair struct {
	client, server net.Conn
	mayDie         bool        // it is one of those that are swallowed; guarded by HoleLink.mu
	dead           atomic.Bool // it carries nothing more
}

// StartHoleLink returns a proxy that forwards until the test ends. Without a server it closes
// connections, until [HoleLink.LeadTo] names one.
func StartHoleLink(t testing.TB, server string) *HoleLink {
	t.Helper()
	return startHoleLink(t, &HoleLink{server: server})
}

// StartPubSubLink is StartHoleLink for a proxy to Redis that swallows only what
// subscribing connections carry.
func StartPubSubLink(t testing.TB, server string) *HoleLink {
	t.Helper()
	l := &HoleLink{server: server}
	l.watch = l.watchSubscribing
	return startHoleLink(t, l)
}

func startHoleLink(t testing.TB, l *HoleLink) *HoleLink {
	t.Helper()
	var err error
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatalf("listening for connections: %v", err)
	}
	l.running.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.end()
		l.running.Wait()
	})
	return l
}

// Address is where the proxy listens.
func (l *HoleLink) Address() string { return l.listener.Addr().String() }

// LeadTo is where connections go from now on, as host:port.
func (l *HoleLink) LeadTo(server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
}

func (l *HoleLink) leads() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.server
}

// Connections is how many there have been.
func (l *HoleLink) Connections() (n int) {
	l.eachPair(func(*pair) { n++ })
	return n
}

// Doomed is how many there have been of those that Swallow is for.
func (l *HoleLink) Doomed() (n int) {
	l.eachPair(func(p *pair) {
		if p.mayDie {
			n++
		}
	})
	return n
}

// Swallow makes connections, old and new, carry nothing, and closes none.
func (l *HoleLink) Swallow() {
	l.setSwallowing(true)
	l.eachPair(func(p *pair) {
		if p.mayDie {
			p.dead.Store(true)
		}
	})
}

// Repair forwards new connections again. The old ones stay silent, as those do that a
// firewall forgot.
func (l *HoleLink) Repair() { l.setSwallowing(false) }

func (l *HoleLink) setSwallowing(swallowing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.swallowing = swallowing
}

func (l *HoleLink) eachPair(do func(*pair)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pairs {
		do(p)
	}
}

// end closes all connections, and those that come yet.
func (l *HoleLink) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, p := range l.pairs {
		p.close()
	}
}

func (l *HoleLink) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.running.Go(func() { l.connect(client) })
	}
}

// connect gives a server up soon that is too busy to answer: the next connection may do
// better.
func (l *HoleLink) connect(client net.Conn) {
	server, err := net.DialTimeout("tcp", l.leads(), 5*time.Second)
	if err != nil {
		_ = client.Close()
		return
	}
	l.forwardBoth(&pair{client: client, server: server})
}

func (l *HoleLink) forwardBoth(p *pair) {
	look := func([]byte) {}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		p.close()
		return
	}
	if l.watch != nil {
		look = l.watch(p)
	} else {
		l.doom(p)
	}
	l.pairs = append(l.pairs, p)
	l.running.Go(func() { p.forward(p.client, p.server, look) })
	l.running.Go(func() { p.forward(p.server, sliced{p.client, &l.piece}, func([]byte) {}) })
}

// doom makes a connection one of those that are swallowed. The caller holds mu.
func (l *HoleLink) doom(p *pair) {
	p.mayDie = true
	if l.swallowing {
		p.dead.Store(true)
	}
}

// watchSubscribing looks for SUBSCRIBE.
func (l *HoleLink) watchSubscribing(p *pair) func([]byte) {
	command := []byte("\r\nsubscribe\r\n")
	var rest []byte
	return func(sent []byte) {
		seen := append(rest, bytes.ToLower(sent)...)
		if bytes.Contains(seen, command) {
			l.mu.Lock()
			l.doom(p)
			l.mu.Unlock()
		}
		rest = bytes.Clone(seen[max(0, len(seen)-len(command)):])
	}
}

// forward copies until either side ends. look sees everything first.
func (p *pair) forward(from io.Reader, to io.Writer, look func([]byte)) {
	defer p.close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		look(buffer[:n])
		if p.dead.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// Slice has clients sent no more than so many bytes at a time, or, with 0, as they come.
func (l *HoleLink) Slice(bytes int) { l.piece.Store(int64(bytes)) }

// sliced writes in pieces.
type sliced struct {
	io.Writer
	most *atomic.Int64
}

func (s sliced) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		end := len(p)
		if most := int(s.most.Load()); most > 0 {
			end = min(end, n+most)
		}
		var wrote int
		wrote, err = s.Writer.Write(p[n:end])
		n += wrote
	}
	return n, err
}

// Reset breaks those connections that hit says, as a peer that has lost them does.
func (l *HoleLink) Reset(hit func() bool) {
	l.eachPair(func(p *pair) {
		if hit() {
			_ = p.client.(*net.TCPConn).SetLinger(0)
			p.close()
		}
	})
}

func (p *pair) close() {
	_ = p.client.Close()
	_ = p.server.Close()
}
