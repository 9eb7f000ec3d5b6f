package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

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
		response, err := http.Get("http://" + node.metrics + "/readyz") //nolint:noctx // it is a test's balancer
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

// crew are clients that come back as pusher-js does, and do nothing else.
type crew struct {
	url     string
	running sync.WaitGroup

	mu      sync.Mutex
	there   int
	asked   int             // how often one was asked to come again
	back    []time.Duration // how long each took to be back
	arrived []time.Time     // when
	wrong   []error         // what ended a connection otherwise
}

// joinCrew connects n clients. They leave when the test ends.
func joinCrew(t *testing.T, d *door, n int) *crew {
	t.Helper()
	c := &crew{url: "ws://" + d.address() + "/app/" + relaytest.Key + "?protocol=7"}
	ctx, stop := context.WithCancel(context.Background())
	for range n {
		c.running.Go(func() { c.live(ctx) })
	}
	t.Cleanup(func() {
		stop()
		c.running.Wait()
	})
	relaytest.Eventually(t, "the crew is there", func() bool { return c.present() == n })
	return c
}

func (c *crew) present() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.there
}

// live is the life of a client.
func (c *crew) live(ctx context.Context) {
	var left time.Time
	for ctx.Err() == nil {
		err := c.connection(ctx, left)
		left = time.Now()
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.there--
		if websocket.IsCloseError(err, 4200) {
			c.asked++
		} else {
			c.wrong = append(c.wrong, err)
		}
		c.mu.Unlock()
	}
}

// connection is one connection, of a client that left its last one then.
func (c *crew) connection(ctx context.Context, left time.Time) error {
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, c.url, nil)
	if err != nil {
		c.mu.Lock()
		c.there++
		c.mu.Unlock()
		return fmt.Errorf("dialing: %w", err)
	}
	defer response.Body.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	greeted := false
	for {
		var m struct{ Event string }
		_, p, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(p, &m); err != nil {
			return err
		}
		if m.Event == "pusher:connection_established" && !greeted {
			greeted = true
			c.greet(left)
		}
	}
}

func (c *crew) greet(left time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there++
	if !left.IsZero() {
		c.back = append(c.back, time.Since(left))
		c.arrived = append(c.arrived, time.Now())
	}
}

// report is what came of it: how long the slowest of a hundred took to be back, and how many
// came in the busiest second.
func (c *crew) report() (asked int, p99 time.Duration, peak int, wrong error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.back)
	if len(c.back) > 0 {
		p99 = c.back[len(c.back)*99/100]
	}
	for i := range c.arrived {
		n := 0
		for _, at := range c.arrived[i:] {
			if at.Sub(c.arrived[i]) < time.Second {
				n++
			}
		}
		peak = max(peak, n)
	}
	return c.asked, p99, peak, errors.Join(c.wrong...)
}
