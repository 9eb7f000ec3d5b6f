package server

import (
	"io"
	"net/http"
	"path"
	"strings"
)

// Routes are the handlers that make up a node.
type Routes struct {
	// WebSocket serves /app/{key}, with the key as the path value "key".
	WebSocket http.Handler
	// API serves /apps/ and gets the path as it was sent.
	API http.Handler
	// Ready returns nil while the node can do its work, else what is wrong.
	Ready func() error
	// Other serves every other path; nil means that there is none.
	Other http.Handler
}

// Handler returns the node's handler. Beside what Routes names it serves /healthz
// (the process runs) and /readyz (the node can do its work).
func (r Routes) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /app/{key}", r.WebSocket)
	Health(mux, r.Ready)
	if r.Other != nil {
		mux.Handle("/", r.Other)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasPrefix(req.URL.Path, "/apps/"):
			r.API.ServeHTTP(w, req)
		case !isClean(req.URL.EscapedPath()):
			http.NotFound(w, req)
		default:
			mux.ServeHTTP(w, req)
		}
	})
}

// isClean says whether ServeMux takes the path as it is. It cleans others by a
// redirect, which no WebSocket follows, and which the API's signatures do not
// survive.
func isClean(sent string) bool {
	cleaned := path.Clean(sent)
	return sent == cleaned || sent == cleaned+"/"
}

// Health adds /healthz and /readyz to a mux.
func Health(mux *http.ServeMux, ready func() error) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
}
