package transport

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"buildrelay/protocol"
)

// Heartbeat is the silence after which clients are shown a sign of life, where nothing else
// is set (protocol.md 6.5).
const Heartbeat = 25 * time.Second

// grace is how long a session may have no receive request, where nothing else is set.
const grace = 15 * time.Second

// FallbackConfig says how clients without WebSockets are served. The fields but those of
// Entrance are optional.
type FallbackConfig struct {
	Entrance
	// Heartbeat is the silence after which the client is shown a sign of life; 0 means
	// the constant of that name.
	Heartbeat time.Duration
	// Grace is how long a session has no receive request before its client counts as gone;
	// 0 means 15 s.
	Grace time.Duration
	// Hostname is told to clients, who send all further requests of their session there;
	// empty means that they stay with the name that they have.
	Hostname string
	// Owners and Peers are for nodes whose balancer knows no sessions; both or none.
	Owners Owners
	Peers  *Peers
}

// Fallback serves clients whose WebSockets are blocked, over ordinary requests of HTTP:
// Pusher's transports xhr_streaming and xhr_polling (protocol.md 6). A client makes up a
// session, asks for what it is to receive by one request after the other, and sends by
// others.
type Fallback struct {
	FallbackConfig

	translations translations

	// running waits for sessions.
	running sync.WaitGroup

	// entering is held while a session is opened, so that it is opened once, or forgotten: it
	// comes before the locks of the hub. Requests for a session that there is do not wait for it.
	entering sync.Mutex
	over     bool // none is opened any more

	// mu is held briefly: nobody is called under it but Owners.Release.
	mu       sync.Mutex
	sessions map[string]*session // by name
}

// NewFallback returns a handler that has no session yet.
func NewFallback(config FallbackConfig) *Fallback {
	config.Heartbeat = cmp.Or(config.Heartbeat, Heartbeat)
	config.Grace = cmp.Or(config.Grace, grace)
	return &Fallback{FallbackConfig: config, sessions: make(map[string]*session)}
}

// Wait waits until no session is left, and opens none any more. The hub must have drained, and
// no request may come: so clients that have not said to which app they want are not waited for.
func (f *Fallback) Wait() {
	f.entering.Lock()
	f.over = true
	f.entering.Unlock()
	f.mu.Lock()
	sessions := slices.Collect(maps.Values(f.sessions))
	f.mu.Unlock()
	for _, s := range sessions {
		s.hurry()
	}
	f.running.Wait()
}

// ServeHTTP serves a path with the values "key", "server", "session" and "action". The
// request must come from an [http.Server].
func (f *Fallback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.serve(w, r, protocol.IsFallbackSession(r.PathValue("server"), r.PathValue("session")))
}

// serve serves a request for a session whose name is one.
func (f *Fallback) serve(w http.ResponseWriter, r *http.Request, named bool) {
	allowOrigin(w, r)
	serve, methods := f.action(r.PathValue("action"))
	switch {
	case serve == nil || !named:
		http.NotFound(w, r)
	case r.Method == http.MethodOptions:
		preflight(w, r, methods)
	case !slices.Contains(strings.Split(methods, ", "), r.Method):
		w.Header().Set("Allow", methods)
		http.Error(w, "allowed are "+methods, http.StatusMethodNotAllowed)
	default:
		serve(w, r)
	}
}

// action returns what serves the last part of a path, and the methods that it may have; nil
// if there is no such path.
func (f *Fallback) action(name string) (serve http.HandlerFunc, methods string) {
	switch name {
	case "xhr_streaming":
		return f.stream, "OPTIONS, POST, GET"
	case "xhr":
		return f.poll, "OPTIONS, POST, GET"
	case "xhr_send":
		return f.send, "OPTIONS, POST"
	default:
		return nil, ""
	}
}

// sessionName is the session's name in all maps.
func sessionName(r *http.Request) string {
	return r.PathValue("key") + "/" + r.PathValue("server") + "/" + r.PathValue("session")
}

// find returns the session, nil if there is none here.
func (f *Fallback) find(name string) *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[name]
}

// open opens the session, unless another request has opened it meanwhile.
func (f *Fallback) open(r *http.Request, transport string) (*session, *protocol.Close) {
	f.entering.Lock()
	defer f.entering.Unlock()
	name := sessionName(r)
	switch s := f.find(name); {
	case s != nil:
		return s, nil
	case f.over:
		return nil, protocol.ErrRestarting()
	}
	s := &session{fallback: f, name: name, transport: transport, who: f.wants(r, transport), turn: make(chan struct{}, 1)}
	s.queue.translations = &f.translations
	s.queue.push([]byte(f.opening()))
	if refused := s.enter(r); refused != nil {
		s.place.leave()
		f.refused(refused, s.who)
		return nil, refused
	}
	f.running.Add(1)
	f.mu.Lock()
	f.sessions[name] = s
	f.mu.Unlock()
	f.Metrics.Sessions.WithLabelValues(transport).Inc()
	return s, nil
}

// wants is who wants a session, for records.
func (f *Fallback) wants(r *http.Request, transport string) *applicant {
	if isSockJS(r) {
		transport = sockJS
	}
	return f.applicant(r, transport)
}

func (f *Fallback) opening() string {
	if f.Hostname == "" {
		return protocol.FallbackOpen
	}
	return protocol.FallbackOpenAt(f.Hostname)
}

// forget is the last that happens to a session. Its claim is given up before anybody can miss
// it, and claim it anew.
func (f *Fallback) forget(s *session) {
	f.entering.Lock()
	f.mu.Lock()
	delete(f.sessions, s.name)
	if f.Owners != nil {
		f.Owners.Release(s.name)
	}
	f.mu.Unlock()
	f.entering.Unlock()
	s.place.leave()
	f.Metrics.Sessions.WithLabelValues(s.transport).Dec()
	f.running.Done()
}
