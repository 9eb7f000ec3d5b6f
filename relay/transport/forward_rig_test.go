package transport_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

const forwardedBy = "X-Relay-Forwarded"

// edge is a node that sends every request on to another one, whoever that is.
type edge struct {
	t       *testing.T
	peers   *transport.Peers
	metrics *metrics.Metrics
	handler http.Handler
	base    string // where it is
	url     string // up to the action
}

// newEdge starts an edge; owner is where the other node is.
func newEdge(t *testing.T, owner string, changes ...func(*transport.PeersConfig)) *edge {
	t.Helper()
	to, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{t: t, metrics: metrics.New(prometheus.NewRegistry())}
	config := transport.PeersConfig{
		Cluster: auth.NewCluster("secret"), Metrics: e.metrics, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		WriteTimeout: time.Minute, Silence: time.Minute,
	}
	for _, change := range changes {
		change(&config)
	}
	e.peers = transport.NewPeers(config)
	mux := http.NewServeMux()
	mux.HandleFunc("/app/{key}/{server}/{session}/{action}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://page.example.com")
		w.Header().Set("Vary", "Origin")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		e.peers.Forward(w, r, to, body)
	})
	e.handler = mux
	server := httptest.NewServer(mux)
	e.base = server.URL
	e.url = server.URL + "/app/key/1/aaaaaaaa/"
	t.Cleanup(func() {
		server.Close()
		e.peers.Close()
	})
	return e
}

// newOwner starts a node that answers what it is asked by serve.
func newOwner(t *testing.T, serve http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return server.URL
}

// reply is an answer as it comes.
type reply struct {
	status string
	header http.Header
	body   *bufio.Reader
	leave  func() // ends the request
}

// post begins a request, which ends with the test at the latest.
func (e *edge) post(action, body string) reply {
	e.t.Helper()
	ctx, leave := context.WithTimeout(e.t.Context(), relaytest.Patience)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+action, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Do(request)
	if err != nil {
		e.t.Fatalf("POST %s: %v", action, err)
	}
	e.t.Cleanup(func() {
		leave()
		response.Body.Close()
		client.CloseIdleConnections()
	})
	return reply{response.Status, response.Header, bufio.NewReader(response.Body), leave}
}

// answer is a whole answer, as "status body".
func (e *edge) answer(action, body string) string {
	e.t.Helper()
	r := e.post(action, body)
	text, err := io.ReadAll(r.body)
	if err != nil {
		e.t.Errorf("reading the answer: %v", err)
	}
	return r.status + " " + string(text)
}

// counted expects how many requests were sent on, with this outcome.
func (e *edge) counted(outcome string, want int) {
	e.t.Helper()
	if n := testutil.ToFloat64(e.metrics.SessionsForwarded.WithLabelValues(outcome)); n != float64(want) {
		e.t.Errorf("%v requests were %s, want %d", n, outcome, want)
	}
}

// expectLine reads the next line.
func expectLine(t *testing.T, from *bufio.Reader, want string) {
	t.Helper()
	line, err := from.ReadString('\n')
	if err != nil || line != want+"\n" {
		t.Fatalf("got %q, %v, want %q", line, err, want)
	}
}

// expectDone waits until a channel is closed.
func expectDone(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(relaytest.Patience):
		t.Fatalf("%s: not so after %s", what, relaytest.Patience)
	}
}

// say writes and flushes, as a node does.
func say(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
}

// serveTLS starts a server with a certificate, and returns where.
func serveTLS(t *testing.T, certs *relaytest.Certs, handler http.Handler) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certs.CertFile, certs.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}
