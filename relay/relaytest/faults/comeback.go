package faults

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"buildrelay/relay/relaytest"
)

// comeback is what a client does after a connection, as pusher-js does it: it comes again
// after a time, which may be none, or not at all.
func comeback(err error) (after time.Duration, never bool) {
	var closed *websocket.CloseError
	code := 0
	if errors.As(err, &closed) {
		code = closed.Code
	}
	switch {
	case 4200 <= code && code < 4300:
		return 0, false
	case 4000 <= code && code < 4100, code >= 4300:
		return time.Second, true
	default:
		return time.Second, false
	}
}

// balancer chooses the relay of a new connection as a load balancer does: in turn, of those
// that say that they are ready, or of all where none does.
type balancer struct {
	nodes   []*node
	next    atomic.Int64
	looking sync.WaitGroup
}

// node is what a balancer knows of a relay.
type node struct {
	socket, fallback, readiness string
	ready                       atomic.Bool
}

func newBalancer(relays []*relaytest.Relay) *balancer {
	b := &balancer{}
	for _, relay := range relays {
		n := &node{
			socket: relay.SocketURL(relaytest.Key), fallback: relay.FallbackURL(relaytest.Key),
			readiness: "http://" + relay.Metrics + "/readyz",
		}
		n.ready.Store(true)
		b.nodes = append(b.nodes, n)
	}
	return b
}

// watch looks who is ready until ctx ends; wait waits for that.
func (b *balancer) watch(ctx context.Context) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, n := range b.nodes {
		b.looking.Go(func() {
			for pause(250*time.Millisecond, ctx.Done()) {
				n.look(ctx, client)
			}
		})
	}
}

func (b *balancer) wait() { b.looking.Wait() }

func (n *node) look(ctx context.Context, client *http.Client) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.readiness, http.NoBody)
	if err != nil {
		return // the address is one
	}
	response, err := client.Do(request)
	if err != nil {
		n.ready.Store(false)
		return
	}
	_ = response.Body.Close()
	n.ready.Store(response.StatusCode == http.StatusOK)
}

// choose is the node of a new connection.
func (b *balancer) choose() *node {
	first := int(b.next.Add(1))
	for i := range b.nodes {
		if n := b.nodes[(first+i)%len(b.nodes)]; n.ready.Load() {
			return n
		}
	}
	return b.nodes[first%len(b.nodes)]
}

// refused says that nobody listens there, of which a balancer's client learns nothing.
func refused(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}
