package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// A container may know a proxy for what is outside; whether the node is ready that cannot
// tell.
func TestHealthAsksNoProxy(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	node, proxy := httptest.NewServer(mux), httptest.NewServer(http.NotFoundHandler())
	defer node.Close()
	defer proxy.Close()
	_, port, err := net.SplitHostPort(node.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]string{"0.0.0.0:" + port: "", ":" + port: "", "": "RELAY_METRICS_LISTEN is empty"} {
		health := exec.CommandContext(t.Context(), relaytest.Build(t), "health")
		health.Env = append(os.Environ(), "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "RELAY_METRICS_LISTEN="+listen)
		out, err := health.CombinedOutput()
		if (err == nil) != (want == "") || !strings.Contains(string(out), want) {
			t.Errorf("%q: %s %s", listen, fmt.Sprint(err), out)
		}
	}
}
