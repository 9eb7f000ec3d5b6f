package transport_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/clientaddr"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// rig is a hub that serves WebSockets on loopback, without Redis.
type rig struct {
	t         *testing.T
	url       string // up to the key
	apps      *auth.Apps
	hub       *relay.Hub
	metrics   *metrics.Metrics
	admission *transport.Admission
	client    *tls.Config // of wss, or nil
	trail     *trail
}

// app is an app whose key is its id.
func app(id string) auth.App { return auth.App{ID: id, Keys: []auth.Key{{Key: id, Secret: "s"}}} }

// newRig serves until the test ends, over TLS if there are certificates; then nobody may
// be left. Whoever connects may speak for others, in X-Forwarded-For.
func newRig(t *testing.T, limits transport.AdmissionConfig, certs *relaytest.Certs, apps ...auth.App) *rig {
	t.Helper()
	all, err := auth.NewApps(apps...)
	if err != nil {
		t.Fatal(err)
	}
	limits.Address = clientaddr.Proxies{netip.MustParsePrefix("127.0.0.0/8")}.Of
	r := &rig{t: t, apps: all, metrics: metrics.New(prometheus.NewRegistry()), admission: transport.NewAdmission(limits), trail: &trail{}}
	hub := relay.New(relay.Config{Interest: nobody{}, Roster: nobody{}, Metrics: r.metrics, Auditor: r.trail})
	r.hub = hub
	ws := &transport.WebSocket{Entrance: transport.Entrance{
		Hub: hub, Apps: all, Metrics: r.metrics, Log: slog.New(slog.DiscardHandler), WriteTimeout: time.Minute,
		Admission: r.admission, Auditor: r.trail,
	}}
	mux := http.NewServeMux()
	mux.Handle("GET /app/{key}", ws)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	ln := r.listen(certs)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { hub.Run(ctx) })
	running.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() {
		_ = server.Close()
		hub.Drain(ctx, 0)
		ws.Wait()
		stop()
		running.Wait()
		if open, addresses := r.admission.Seats(); open != 0 || addresses != 0 {
			t.Errorf("%d seats of %d addresses are taken in the end", open, addresses)
		}
	})
	return r
}

func (r *rig) listen(certs *relaytest.Certs) net.Listener {
	r.t.Helper()
	ln, err := transport.Listen(r.t.Context(), "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.url = "ws://" + ln.Addr().String() + "/app/"
	if certs == nil {
		return ln
	}
	pair, err := tls.LoadX509KeyPair(certs.CertFile, certs.KeyFile)
	if err != nil {
		r.t.Fatal(err)
	}
	r.url, r.client = "wss://"+ln.Addr().String()+"/app/", certs.Client()
	return tls.NewListener(ln, transport.InTurn(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
}

// dial connects a client; headers are name, value, name, value.
func (r *rig) dial(t *testing.T, key string, headers ...string) *relaytest.WSClient {
	t.Helper()
	options := relaytest.WSOptions{Header: make(http.Header), TLS: r.client}
	for i := 0; i+1 < len(headers); i += 2 {
		options.Header.Add(headers[i], headers[i+1])
	}
	return relaytest.DialWS(t, r.url+key, options)
}

// from is dial for a client whose proxy says that it has this address.
func (r *rig) from(address string) *relaytest.WSClient {
	r.t.Helper()
	return r.dial(r.t, "ci", "X-Forwarded-For", address)
}

// refused expects that the client is told this code and text, and closed.
func refused(c *relaytest.WSClient, code int, text string) {
	c.ExpectError(code, text)
	c.ExpectClose(code)
}

func (r *rig) shed(why string) int {
	return int(testutil.ToFloat64(r.metrics.Shed.WithLabelValues(why)))
}

// awaitSeats waits until so many seats are taken.
func (r *rig) awaitSeats(want int) {
	r.t.Helper()
	deadline := time.NewTimer(relaytest.Patience)
	defer deadline.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		if open, _ := r.admission.Seats(); open == want {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			open, _ := r.admission.Seats()
			r.t.Fatalf("%d seats are taken, want %d", open, want)
		}
	}
}

// nobody is a Redis without anything in it.
type nobody struct{}

func (nobody) Watch(string, string)                       {}
func (nobody) Unwatch(string, string)                     {}
func (nobody) Enter(string, string, protocol.Member, int) {}
func (nobody) Leave(string, string, string)               {}
func (nobody) Count(string, string, int)                  {}
func (nobody) Ask(string, string, protocol.Version)       {}
