// Package tlsclient makes requests over TLS by the authorities and the certificate of now, where
// those change while the process runs.
package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"sync"
)

// Trust is by whom a server is known, and what is shown to it. Both may be other ones with each
// request.
type Trust struct {
	// Roots returns the authorities of the server's certificate, nil for those that the system
	// trusts; nil is the same.
	Roots func() *x509.CertPool
	// Certificate returns what is shown where the server wants a certificate, nil for nothing;
	// nil is the same.
	Certificate func() *tls.Certificate
}

// Transport is an [http.RoundTripper]. Once anything of its trust is another one, a request goes
// by a connection that was made since. It is safe for concurrent use.
type Transport struct {
	base  *http.Transport
	trust Trust

	mu      sync.Mutex
	current *http.Transport
	roots   *x509.CertPool   // by which current is
	shown   *tls.Certificate // likewise
}

// New returns a transport that is as base, which must have a TLSClientConfig and not be used
// otherwise.
func New(base *http.Transport, trust Trust) *Transport {
	t := &Transport{base: base, trust: trust}
	t.roots, t.shown = trust.now()
	t.current = t.connecting()
	return t
}

func (t Trust) now() (roots *x509.CertPool, shown *tls.Certificate) {
	if t.Roots != nil {
		roots = t.Roots()
	}
	if t.Certificate != nil {
		shown = t.Certificate()
	}
	return roots, shown
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.newest().RoundTrip(r)
}

// CloseIdleConnections closes the connections that have nothing to do.
func (t *Transport) CloseIdleConnections() { t.newest().CloseIdleConnections() }

// newest leaves behind what is by an older trust: requests that are under way end there, and so
// do their connections.
func (t *Transport) newest() *http.Transport {
	roots, shown := t.trust.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if roots != t.roots || shown != t.shown {
		t.current.CloseIdleConnections()
		t.roots, t.shown = roots, shown
		t.current = t.connecting()
	}
	return t.current
}

// connecting returns one that has no connections yet.
func (t *Transport) connecting() *http.Transport {
	next := t.base.Clone()
	next.TLSClientConfig.RootCAs = t.roots
	if shown := t.shown; shown != nil {
		// Whatever authorities the server names: it then says itself what is wrong.
		next.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown, nil }
	}
	return next
}
