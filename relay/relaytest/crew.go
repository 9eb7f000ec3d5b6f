package relaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Crew are clients that come back as pusher-js does, and do nothing else.
type Crew struct {
	url     string
	running sync.WaitGroup

	mu      sync.Mutex
	there   int
	asked   int             // how often one was asked to come again
	back    []time.Duration // how long each took to be back
	arrived []time.Time     // when
	wrong   []error         // what ended a connection otherwise
}

// JoinCrew connects n clients to a relay, or what is before it, at address. They leave when
// the test ends.
func JoinCrew(t testing.TB, address string, n int) *Crew {
	t.Helper()
	c := &Crew{url: "ws://" + address + "/app/" + Key + "?protocol=7"}
	ctx, stop := context.WithCancel(context.Background())
	for range n {
		c.running.Go(func() { c.live(ctx) })
	}
	t.Cleanup(func() {
		stop()
		c.running.Wait()
	})
	Eventually(t, "the crew is there", func() bool { return c.present() == n })
	return c
}

func (c *Crew) present() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.there
}

// live is the life of a client.
func (c *Crew) live(ctx context.Context) {
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
func (c *Crew) connection(ctx context.Context, left time.Time) error {
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

func (c *Crew) greet(left time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there++
	if !left.IsZero() {
		c.back = append(c.back, time.Since(left))
		c.arrived = append(c.arrived, time.Now())
	}
}

// Report is what came of it: how long the slowest of a hundred took to be back, and how many
// came in the busiest second.
func (c *Crew) Report() (asked int, p99 time.Duration, peak int, wrong error) {
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
