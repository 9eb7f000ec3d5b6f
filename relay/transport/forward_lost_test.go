package transport_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// elsewhere says that another node has all sessions.
type elsewhere struct{ node *url.URL }

// Claim implements [transport.Owners].
func (e elsewhere) Claim(context.Context, string) (*url.URL, error) { return e.node, nil }

// Owner implements [transport.Owners].
func (e elsewhere) Owner(ctx context.Context, _ string) (*url.URL, error) { return e.node, ctx.Err() }

// Release implements [transport.Owners].
func (elsewhere) Release(string) {}

// What a client sends is as lost where it comes to another node, and ends the session, too.
func TestAMessageThatDoesNotArriveAtAnotherNodeEndsTheSession(t *testing.T) {
	t.Parallel()
	owner := newFallbackRig(t, fallbackSetup{})
	peers := transport.NewPeers(transport.PeersConfig{
		Cluster: auth.NewCluster("secret"), Metrics: metrics.New(prometheus.NewRegistry()),
		Log: slog.New(slog.DiscardHandler), WriteTimeout: time.Minute, Silence: time.Minute,
	})
	t.Cleanup(peers.Close)
	node := elsewhere{&url.URL{Scheme: "http", Host: owner.address}}
	other := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Owners: node, Peers: peers}})
	for name, body := range map[string]string{"broken off": "[\"{", "too large": strings.Repeat(" ", 300<<10)} {
		t.Run(name, func(t *testing.T) {
			c := owner.connect(relaytest.XHROptions{})
			conn := other.tcp()
			tell(t, conn, "POST "+receivePath(c.Session, "xhr_send")+" HTTP/1.1\r\nHost: relay\r\nContent-Length: 400000\r\n\r\n"+body)
			conn.Close()
			if first := c.Next(); first.Event != "pusher:error" {
				t.Errorf("got %s", first)
			}
			if last := c.Next(); last.Kind != "close" {
				t.Errorf("got %s", last)
			}
		})
	}
	owner.awaitSessions(0)
}
