package server_test

import (
	"net/http"
	"strings"
	"testing"

	"buildrelay/relay/server"
)

func TestProfilesAreServedWhereTheyWereAdded(t *testing.T) {
	mux := http.NewServeMux()
	server.Profiles(mux)
	url := serve(t, mux)
	for path, want := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile: total ",
		"/debug/pprof/heap?gc=1&debug=1": "heap profile: ",
		"/debug/pprof/trace?seconds=0.1": "go 1.",
		"/debug/goroutines":              "server_test.TestProfilesAreServedWhereTheyWereAdded(",
	} {
		if got := get(t, url+path); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, want) {
			t.Errorf("%s: got %.200q, want %q in it", path, got, want)
		}
	}
	for _, path := range []string{"/debug/pprof/cmdline", "/debug/pprof/nothing"} {
		if got := get(t, url+path); !strings.HasPrefix(got, "404 ") {
			t.Errorf("%s: got %.100q", path, got)
		}
	}
	if got := get(t, serve(t, server.Routes{API: name("api"), WebSocket: name("socket")}.Handler())+"/debug/pprof/"); !strings.HasPrefix(got, "404 ") {
		t.Errorf("to clients: got %.100q", got)
	}
}
