package registry_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/registry"
	"buildrelay/relay/relaytest"
)

const (
	prefix  = "buildrelay"
	secret  = "the secret of all nodes of a test"
	session = "key/417/9k2vd0ab"

	urlA = "http://10.0.0.1:6001"
	urlB = "https://node-b.example.com"
)

// eachRedis runs a test with a real Redis and with the built-in one.
func eachRedis(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		test(t, relaytest.StartRedis(t).URL())
	})
	t.Run("built-in Redis", func(t *testing.T) {
		t.Parallel()
		server, err := broker.StartEmbedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		test(t, string(server.URL()))
	})
}

// node is the registry of a node.
type node struct {
	*registry.Registry
	metrics *metrics.Metrics
	t       testing.TB
	stop    func() // ends it and waits
}

// newNode makes the registry of the node at a URL. It does not run yet.
func newNode(t testing.TB, redisURL, nodeURL string, changes ...func(*registry.Config)) *node {
	t.Helper()
	n := &node{metrics: metrics.New(prometheus.NewRegistry()), t: t}
	config := registry.Config{
		Prefix: prefix, URL: parseURL(t, nodeURL), Cluster: auth.NewCluster(secret), Metrics: n.metrics,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, change := range changes {
		change(&config)
	}
	var err error
	if config.Redis, err = redisconn.ParseURL(auth.Secret(redisURL), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = config.Redis.Close() })
	n.Registry = registry.New(config)
	return n
}

func parseURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := registry.ParseURL(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return u
}

// start runs it until the test ends, or stop is called.
func (n *node) start() *node {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	n.stop = func() {
		cancel()
		running.Wait()
	}
	n.t.Cleanup(n.stop)
	return n
}

func startNode(t testing.TB, redisURL, nodeURL string, changes ...func(*registry.Config)) *node {
	t.Helper()
	return newNode(t, redisURL, nodeURL, changes...).start()
}

// lazy makes a node say nothing again by itself.
func lazy(c *registry.Config) { c.Refresh, c.Lease = time.Hour, 2*time.Hour }

// claim expects what a claim returns; "" is no other node.
func (n *node) claim(session, want string) {
	n.t.Helper()
	owner, err := n.Claim(n.t.Context(), session)
	if err != nil {
		n.t.Errorf("claiming %s: %v", session, err)
	}
	if got := text(owner); got != want {
		n.t.Errorf("%s is of %q, want %q", session, got, want)
	}
}

// owner expects whose a session is; "" is no other node's.
func (n *node) owner(session, want string) {
	n.t.Helper()
	owner, err := n.Owner(n.t.Context(), session)
	if err != nil {
		n.t.Errorf("asking for %s: %v", session, err)
	}
	if got := text(owner); got != want {
		n.t.Errorf("%s is of %q, want %q", session, got, want)
	}
}

// awaitOwner waits until a session is whose it is to be, whatever Redis answers before.
func (n *node) awaitOwner(session, want string) {
	n.t.Helper()
	relaytest.Eventually(n.t, session+" is of "+want, func() bool {
		owner, err := n.Owner(n.t.Context(), session)
		return err == nil && text(owner) == want
	})
}

func text(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}
