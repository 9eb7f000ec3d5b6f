package authorize_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"buildrelay/relay/authorize"
)

// Whoever is refused again and again costs no handshake each time.
func TestARefusalKeepsTheConnection(t *testing.T) {
	t.Parallel()
	var connected atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}`))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connected.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	github, _ := askingHost(t, authorize.NewGitHub, server.URL)
	forward, _ := newForward(t, server.URL)
	for _, d := range []authorize.Decider{github, forward} {
		connected.Store(0)
		for range 20 {
			if _, err := d.Decide(t.Context(), of(build, "acme", "site")); outcome(err) != "no" {
				t.Fatal(err)
			}
		}
		if n := connected.Load(); n != 1 {
			t.Errorf("%T connected %d times", d, n)
		}
	}
}
