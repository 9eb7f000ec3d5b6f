package server

import (
	"io"
	"net/http"
	"path"
	"strings"

	"buildrelay/relay/transport"
)

// Routes are the handlers that make up a node.
type Routes struct {
	// WebSocket serves /app/{key}, with the key as the path value "key".
	WebSocket http.Handler
	// Fallback serves /pusher/app/{key}/{server}/{session}/{action}, with those path values,
	// and the same without /pusher, which is a client's setting. Nil means WebSockets alone.
	Fallback http.Handler
	// SockJS serves /pusher/info and /pusher/{server}/{session}/{action}, for clients of old.
	SockJS transport.SockJS
	// API serves /apps/, and /users/{id}/terminate_connections, and gets the path as it was
	// sent.
	API http.Handler
	// Channels and Users serve /pusher/auth and /pusher/user-auth, where pusher-js asks for
	// signatures; nil means that the backend does.
	Channels, Users http.Handler
	// Ready returns nil while the node can do its work, else what is wrong.
	Ready func() error
	// Memory and MemoryPercent are those of [Traffic].
	Memory        *Memory
	MemoryPercent int
	// Other serves every other path; nil means that there is none.
	Other http.Handler
}

// Handler returns the node's handler. Beside what Routes names it serves the paths of
// [Health], [Traffic] and [Timeline] and, where there is no Other, "/", by which soketi says
// that the process runs.
func (r Routes) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /app/{key}", r.WebSocket)
	if r.Fallback != nil {
		const session = "/app/{key}/{server}/{session}/{action}"
		mux.Handle(session, r.Fallback)
		mux.Handle("/pusher"+session, r.Fallback)
	}
	if r.SockJS.Fallback != nil {
		mux.HandleFunc("/pusher/info", r.SockJS.Info)
		mux.Handle("/pusher/{server}/{session}/{action}", r.SockJS)
	}
	if r.Channels != nil {
		mux.Handle("/pusher/auth", r.Channels)
		mux.Handle("/pusher/user-auth", r.Users)
	}
	Health(mux, r.Ready)
	Traffic(mux, r.Ready, r.Memory, r.MemoryPercent)
	Timeline(mux)
	if r.Other != nil {
		mux.Handle("/", r.Other)
	} else {
		mux.HandleFunc("GET /{$}", ok)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case isAPI(req.URL.Path):
			r.API.ServeHTTP(w, req)
		case !isClean(req.URL.EscapedPath()):
			http.NotFound(w, req)
		default:
			mux.ServeHTTP(w, req)
		}
	})
}

// isAPI says whether a path is the API's. Pusher's SDK for Python leaves the app out of
// the one that ends a user's connections.
func isAPI(path string) bool {
	return strings.HasPrefix(path, "/apps/") ||
		strings.HasPrefix(path, "/users/") && strings.HasSuffix(path, "/terminate_connections")
}

// isClean says whether ServeMux takes the path as it is. It cleans others by a
// redirect, which no WebSocket follows, and which the API's signatures do not
// survive.
func isClean(sent string) bool {
	cleaned := path.Clean(sent)
	return sent == cleaned || sent == cleaned+"/"
}

// Health adds /healthz (the process runs) and /readyz (the node can do its work) to a
// mux; /ready, its name with soketi, is the same.
func Health(mux *http.ServeMux, ready func() error) {
	isReady := func(w http.ResponseWriter, r *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		ok(w, r)
	}
	mux.HandleFunc("GET /healthz", ok)
	mux.HandleFunc("GET /readyz", isReady)
	mux.HandleFunc("GET /ready", isReady)
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }
