package main_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

const clusterSecret = "the secret that all nodes of the tests share"

// fallbackNodes are nodes that have URLs, and a balancer in front of them that knows no
// sessions.
type fallbackNodes struct {
	nodes
	links    []*faults.HoleLink // by which each is reached by the others
	balancer *balancer
}

// newFallbackNodes starts them. What the nodes say to each other goes over links; env
// changes the settings of all, and each of the nodes' own where own is not nil.
func newFallbackNodes(t *testing.T, count int, env map[string]string, own func(i int) map[string]string) fallbackNodes {
	t.Helper()
	return startFallbackNodes(t, count, nil, env, own)
}

// newFallbackNodesTLS starts two that serve TLS.
func newFallbackNodesTLS(t *testing.T, certs *relaytest.Certs, env map[string]string) fallbackNodes {
	t.Helper()
	return startFallbackNodes(t, 2, certs, env, nil)
}

func startFallbackNodes(t *testing.T, count int, certs *relaytest.Certs, env map[string]string, own func(i int) map[string]string) fallbackNodes {
	t.Helper()
	n := fallbackNodes{nodes: nodes{redis: relaytest.StartRedis(t)}}
	for i := range count {
		link := faults.StartHoleLink(t, "")
		settings := with(n.redis, map[string]string{
			"RELAY_NODE_URL": "http://" + link.Address(), "RELAY_CLUSTER_SECRET": clusterSecret,
		})
		for _, more := range []map[string]string{env, ownOf(own, i)} {
			for name, value := range more {
				settings[name] = strings.ReplaceAll(value, "LINK", link.Address())
			}
		}
		w := world{startRelay(t, certs, settings), n.redis}
		link.LeadTo(w.Address)
		n.links, n.all = append(n.links, link), append(n.all, w)
	}
	n.balancer = startBalancer(t, n.all)
	t.Cleanup(func() { // else each would wait for clients that are not there any more
		for _, w := range n.all {
			w.Kill()
		}
	})
	return n
}

func startRelay(t *testing.T, certs *relaytest.Certs, env map[string]string) *relaytest.Relay {
	t.Helper()
	if certs == nil {
		return relaytest.StartRelay(t, env)
	}
	return relaytest.StartRelayTLS(t, certs, env)
}

func ownOf(own func(i int) map[string]string, i int) map[string]string {
	if own == nil {
		return nil
	}
	return own(i)
}

// owner is the number of the node that has the only session.
func (n fallbackNodes) owner(t *testing.T) int {
	t.Helper()
	owner := -1
	for i, w := range n.all {
		if w.Metric(`buildrelay_sessions{transport="streaming"}`)+w.Metric(`buildrelay_sessions{transport="polling"}`) > 0 {
			if owner >= 0 {
				t.Fatalf("nodes %d and %d have a session", owner, i)
			}
			owner = i
		}
	}
	if owner < 0 {
		t.Fatal("no node has a session")
	}
	return owner
}

// forwarded is how many requests all nodes have sent on, with this outcome.
func (n fallbackNodes) forwarded(outcome string) (sum float64) {
	for _, w := range n.all {
		sum += w.Metric(`buildrelay_sessions_forwarded_total{outcome="` + outcome + `"}`)
	}
	return sum
}

// expectForwarded fails the test unless requests were sent on, all with success.
func (n fallbackNodes) expectForwarded(t *testing.T) {
	t.Helper()
	if n.forwarded("answered") == 0 || n.forwarded("failed") > 0 {
		t.Errorf("%v requests were sent on, and %v more in vain", n.forwarded("answered"), n.forwarded("failed"))
	}
}

// connect is a client that reaches the nodes by the balancer.
func (n fallbackNodes) connect(t *testing.T, options relaytest.XHROptions) *relaytest.XHRClient {
	t.Helper()
	c := relaytest.DialXHR(t, n.balancer.url+"/pusher/app/"+relaytest.Key, options)
	c.Established()
	return c
}

// page is a pusher-js that reaches the nodes by the balancer, and by nothing but one HTTP
// transport.
func (n fallbackNodes) page(t *testing.T, transport string) *relaytest.PusherJS {
	t.Helper()
	at, err := url.Parse(n.balancer.url)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		t.Fatal(err)
	}
	page := relaytest.StartPusherJS(t, "8.6.0", n.all[0].Relay, relaytest.PusherJSOptions{
		Transports: []string{transport}, Terse: true,
		Constructor: map[string]any{"httpHost": at.Hostname(), "httpPort": port},
	})
	if got := page.ExpectState("connected"); got.Transport != transport {
		t.Fatalf("the page has connected by %s", got.Transport)
	}
	return page
}

// balancer is a proxy that gives each request to another node than the one before.
type balancer struct {
	url string

	mu   sync.Mutex
	next int
	to   []world
}

func startBalancer(t *testing.T, to []world) *balancer {
	t.Helper()
	b := &balancer{to: slices.Clone(to)}
	upstream := &http.Transport{DisableCompression: true}
	if certs := to[0].Certs; certs != nil {
		upstream.TLSClientConfig = certs.Client()
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			node, err := url.Parse(b.turn().URL())
			if err != nil {
				t.Error(err)
			}
			r.SetURL(node)
			r.SetXForwarded()
		},
		FlushInterval: -1, // at once
		Transport:     upstream,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
	b.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		upstream.CloseIdleConnections()
	})
	return b
}

// turn is the node whose turn it is.
func (b *balancer) turn() world {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.to[b.next%len(b.to)]
}

// without gives a node no requests any more.
func (b *balancer) without(gone world) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = slices.DeleteFunc(b.to, func(w world) bool { return w.Relay == gone.Relay })
}
