package server_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"buildrelay/relay/server"
)

func TestBrowsersAreToldToUseNothingButTLSWithANameThatIsOurs(t *testing.T) {
	t.Parallel()
	const year = "max-age=31536000"
	for _, test := range []struct {
		host   string
		tls    bool
		maxAge time.Duration
		want   string
	}{
		{"relay.example.com", true, 8760 * time.Hour, year},
		{"Relay.example.com:6001", true, 8760 * time.Hour, year},
		{"relay", true, time.Minute, "max-age=60"},
		{"relay.example.com", false, 8760 * time.Hour, ""},
		{"relay.example.com", true, 0, ""},
		{"localhost", true, 8760 * time.Hour, ""},
		{"LOCALHOST.:8443", true, 8760 * time.Hour, ""},
		{"a.localhost:8443", true, 8760 * time.Hour, ""},
		{"127.0.0.1", true, 8760 * time.Hour, ""},
		{"192.0.2.7:6001", true, 8760 * time.Hour, ""},
		{"[::1]", true, 8760 * time.Hour, ""},
		{"[2001:db8::1]:6001", true, 8760 * time.Hour, ""},
		{"", true, 8760 * time.Hour, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host, r.TLS = test.host, nil
		if test.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		server.StrictTransport(name("page"), test.maxAge).ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); got != test.want || w.Body.Len() == 0 {
			t.Errorf("%q, TLS %v, %v: got %q, want %q", test.host, test.tls, test.maxAge, got, test.want)
		}
	}
}

func TestStrictHeadersAreThereUnlessAPageHasItsOwn(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
	})
	for policy, next := range map[string]http.Handler{
		"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'": name("any"),
		"default-src 'self'": page,
	} {
		w := httptest.NewRecorder()
		server.StrictHeaders(next).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		for header, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
	}
}
