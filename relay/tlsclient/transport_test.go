package tlsclient_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/tlsclient"
)

// world is a server that says whom it sees, and counts who connects; and who calls it.
type world struct {
	t         *testing.T
	server    *httptest.Server
	connected atomic.Int32
	roots     atomic.Pointer[x509.CertPool]
	shown     atomic.Pointer[tls.Certificate]
	transport *tlsclient.Transport
}

func newWorld(t *testing.T, authority *relaytest.Authority) *world {
	t.Helper()
	w := &world{t: t}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		for _, cert := range r.TLS.PeerCertificates {
			_, _ = fmt.Fprint(out, cert.Subject.CommonName)
		}
	}))
	w.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	w.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			w.connected.Add(1)
		}
	}
	w.server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Issue(nil).Pair}, ClientAuth: tls.RequestClientCert}
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	w.roots.Store(authority.Pool)
	base := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	w.transport = tlsclient.New(base, tlsclient.Trust{Roots: w.roots.Load, Certificate: w.shown.Load})
	t.Cleanup(w.transport.CloseIdleConnections)
	return w
}

// ask returns whom the server sees.
func (w *world) ask() (string, error) {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := w.transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func TestARequestGoesByWhatIsInForceNow(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	w := newWorld(t, ours)
	named := func(name string) *tls.Certificate {
		issued := ours.Issue(func(c *x509.Certificate) { c.Subject.CommonName = name })
		return &issued.Pair
	}
	expect := func(when, want string, connections int32) {
		t.Helper()
		for range 3 {
			if got, err := w.ask(); err != nil || got != want {
				t.Errorf("%s the server sees %q, %v, want %q", when, got, err, want)
			}
		}
		if n := w.connected.Load(); n != connections {
			t.Errorf("%s there were %d connections, want %d", when, n, connections)
		}
	}
	expect("without a certificate", "", 1)
	w.shown.Store(named("first"))
	expect("with the first", "first", 2)
	w.shown.Store(named("second"))
	expect("with the second", "second", 3)
	w.roots.Store(others.Pool)
	if got, err := w.ask(); err == nil {
		t.Errorf("by an authority that does not count any more the server sees %q", got)
	}
	w.roots.Store(ours.Pool)
	expect("by the authority again", "second", 5)
}

func TestRequestsUnderWayEndWhereTheyBegan(t *testing.T) {
	t.Parallel()
	authority := relaytest.NewAuthority(t)
	w := newWorld(t, authority)
	entered, goOn := make(chan struct{}), make(chan struct{})
	handler := w.server.Config.Handler
	w.server.Config.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			close(entered)
			<-goOn
		}
		handler.ServeHTTP(out, r)
	})
	ended := make(chan error, 1)
	go func() { // it is waited for below
		_, err := w.ask()
		ended <- err
	}()
	<-entered
	issued := authority.Issue(nil)
	w.shown.Store(&issued.Pair)
	if _, err := w.ask(); err != nil {
		t.Error(err)
	}
	close(goOn)
	if err := <-ended; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
}
