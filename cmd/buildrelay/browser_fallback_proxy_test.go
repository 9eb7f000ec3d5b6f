package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"sync"
	"testing"
	"time"
)

// middlebox stands before a relay as a company's proxy does: it opens TLS, and does with
// each request what its rule says.
type middlebox struct {
	server *httptest.Server

	mu          sync.Mutex
	rule        rule
	asked, open map[string]int // requests by their action: all, and those under way
}

// rule answers a request, by forwarding it or otherwise. action is "socket" for an upgrade,
// else the last part of the path: xhr_streaming, xhr or xhr_send.
type rule func(w http.ResponseWriter, r *http.Request, action string, forward http.Handler)

// startMiddlebox returns a proxy with the browser's certificate before a relay that has the
// same.
func startMiddlebox(t *testing.T, b *browser, relay string, first rule) *middlebox {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(b.certs.CertFile, b.certs.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	silence := slog.NewLogLogger(slog.DiscardHandler, 0) // it would tell of all that is cut
	transport := &http.Transport{TLSClientConfig: b.certs.Client()}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "https", Host: relay}) },
		Transport: transport,
		ErrorLog:  silence,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.WriteHeader(map[bool]int{true: http.StatusGatewayTimeout, false: http.StatusBadGateway}[errors.Is(err, context.DeadlineExceeded)])
		},
	}
	m := &middlebox{rule: first, asked: map[string]int{}, open: map[string]int{}}
	m.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, forward) }))
	m.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	m.server.Config.ErrorLog = silence
	m.server.StartTLS()
	t.Cleanup(func() {
		m.server.CloseClientConnections()
		m.server.Close()
		transport.CloseIdleConnections()
	})
	return m
}

func (m *middlebox) address() string { return m.server.Listener.Addr().String() }

// obey makes the next requests follow another rule.
func (m *middlebox) obey(next rule) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rule = next
}

// count is how many requests with this action there were.
func (m *middlebox) count(action string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[action]
}

func (m *middlebox) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	action := path.Base(r.URL.Path)
	if r.Header.Get("Upgrade") != "" {
		action = "socket"
	}
	m.mu.Lock()
	m.asked[action]++
	m.open[action]++
	now := m.rule
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.open[action]--
	}()
	now(w, r, action, forward)
}

// carriesASocket waits until the page has tried a WebSocket and then gone over to another.
func (m *middlebox) carriesASocket(backend *ciBackend) {
	backend.t.Helper()
	backend.eventually("the page has a WebSocket and nothing else", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.asked["socket"] >= 2 && m.open["socket"] == 1 && m.open["xhr_streaming"]+m.open["xhr"] == 0
	})
}

// open forwards everything.
func open(w http.ResponseWriter, r *http.Request, _ string, forward http.Handler) {
	forward.ServeHTTP(w, r)
}

// mute accepts upgrades, as far as a client can tell, and never answers one.
func mute(w http.ResponseWriter, r *http.Request, action string, forward http.Handler) {
	if action == "socket" {
		<-r.Context().Done()
		return
	}
	forward.ServeHTTP(w, r)
}

// forgetful loses the first message that says something.
func forgetful(said string) rule {
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request, _ string, forward http.Handler) {
		body, _ := io.ReadAll(r.Body) // what cannot be read is not forwarded either
		r.Body = io.NopCloser(bytes.NewReader(body))
		lost := false
		if bytes.Contains(body, []byte(said)) {
			once.Do(func() { lost = true })
		}
		if lost {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}
}

// cutting has no patience: it ends every answer after a while. Politely is as if the relay had
// ended it.
func cutting(patience time.Duration, politely bool) rule {
	return func(w http.ResponseWriter, r *http.Request, _ string, forward http.Handler) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		if politely {
			defer func() { _ = recover() }() // how ReverseProxy says that the answer was cut
		}
		forward.ServeHTTP(w, r.WithContext(ctx))
	}
}
