// Package api serves Pusher's HTTP API, with which backends publish and ask who
// is there.
package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

const (
	// maxBody is the largest request body: ten events of the largest size, escaped.
	maxBody = 1 << 20
	// maxTime is how long a request may take, one that publishes in particular.
	maxTime = 10 * time.Second
	// maxLongTime is how long one may take that waits, or reads a whole log before it
	// answers.
	maxLongTime = 30 * time.Second
)

// Publisher publishes events of one app in order. It returns nil once they are
// accepted for delivery.
type Publisher interface {
	Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error)
}

// API is the handler for /apps/. All exported fields are required.
type API struct {
	Apps      *auth.Apps
	Publisher Publisher
	Occupancy Occupancy
	Caches    Caches
	Logs      Logs
	Metrics   *metrics.Metrics
	Log       *slog.Logger
	Now       func() time.Time
	// Stopping is closed when the node stops: what waits or streams then ends.
	Stopping <-chan struct{}

	readers atomic.Int64 // calls that stay for a while
}

// call is one request that was found to be authentic.
type call struct {
	app    *auth.App
	name   string // what the path has for "*", decoded: that of a channel, or a user's id
	query  url.Values
	body   []byte
	method string
	header http.Header
}

// reply is what a call answers: a stream, or something that becomes JSON. Nil means
// an empty JSON object.
type reply any

// stream writes an answer of its own, for as long as it takes. After an error the
// connection is cut, so that the client knows that there is more.
type stream interface {
	serve(w http.ResponseWriter, r *http.Request) error
}

// route is one endpoint. In path "*" stands for one segment: a channel, or a user's id.
type route struct {
	method, path string
	status       int
	time         time.Duration // that it may take
	handle       func(*API, context.Context, *call) (reply, error)
}

func routes() []route {
	return []route{
		{http.MethodPost, "events", http.StatusOK, maxTime, (*API).postEvents},
		{http.MethodPost, "batch_events", http.StatusOK, maxTime, (*API).postBatch},
		{http.MethodGet, "channels", http.StatusOK, maxTime, (*API).getChannels},
		{http.MethodGet, "channels/*", http.StatusOK, maxTime, (*API).getChannel},
		{http.MethodPost, "channels/*/events", http.StatusAccepted, maxTime, (*API).postChannelEvent},
		{http.MethodGet, "channels/*/history", http.StatusOK, maxLongTime, (*API).getHistory},
		{http.MethodGet, "channels/*/users", http.StatusOK, maxTime, (*API).getUsers},
		{http.MethodPost, "users/*/terminate_connections", http.StatusOK, maxTime, (*API).postTerminate},
		{http.MethodHead, "channels/*/log", http.StatusOK, maxLongTime, (*API).getLog},
		{http.MethodGet, "channels/*/log", http.StatusOK, maxLongTime, (*API).getLog},
	}
}

// ServeHTTP answers /apps/{id}/… . The path must come as the client sent it:
// the signature covers it, so it may be neither cleaned nor redirected.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rt, out, err := a.answer(w, r)
	status := rt.status
	var broken error
	if s, ok := out.(stream); err != nil {
		status = a.writeError(w, err)
	} else if ok {
		broken = s.serve(w, r)
	} else {
		writeReply(w, status, out)
	}
	a.Metrics.Requests.WithLabelValues(rt.path, strconv.Itoa(status)).Inc()
	if broken != nil {
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	}
}

// answer carries out the request. It returns the route as far as there is one, else
// one named "none".
func (a *API) answer(w http.ResponseWriter, r *http.Request) (route, reply, error) {
	appID, name, rt, err := find(r)
	if err != nil {
		return route{path: "none"}, nil, err
	}
	c, err := a.authenticate(w, r, appID)
	if err != nil {
		return rt, nil, err
	}
	c.name = name
	ctx, cancel := context.WithTimeout(r.Context(), rt.time)
	defer cancel()
	out, err := rt.handle(a, ctx, c)
	return rt, out, err
}

// find finds the route, and what the path has for "*". It works on the path as sent,
// so that an escaped slash separates nothing.
func find(r *http.Request) (appID, name string, found route, err error) {
	rest, _ := strings.CutPrefix(r.URL.EscapedPath(), "/apps/")
	appID, rest, _ = strings.Cut(rest, "/")
	err = &failure{http.StatusNotFound, "there is nothing at this path"}
	for _, rt := range routes() {
		escaped, ok := rt.match(rest)
		switch {
		case !ok:
			continue
		case rt.method != r.Method:
			err = &failure{http.StatusMethodNotAllowed, "use " + rt.method + " for this path"}
			continue
		}
		if name, err = url.PathUnescape(escaped); err != nil {
			return "", "", route{}, &failure{http.StatusBadRequest, "the path is not escaped properly"}
		}
		return appID, name, rt, nil
	}
	return "", "", route{}, err
}

// match says whether a path is the route's, and returns what it has for "*".
func (rt route) match(path string) (name string, ok bool) {
	before, after, wild := strings.Cut(rt.path, "*")
	if !wild {
		return "", path == rt.path
	}
	name, begins := strings.CutPrefix(path, before)
	name, ends := strings.CutSuffix(name, after)
	return name, begins && ends && !strings.Contains(name, "/")
}

// authenticate reads the body and checks the signature. An app that does not
// exist is refused like one whose key is wrong.
func (a *API) authenticate(w http.ResponseWriter, r *http.Request, appID string) (*call, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &failure{http.StatusUnsupportedMediaType, "the body must not be compressed"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, bodyFailure(err)
	}
	app, _ := a.Apps.ByID(appID)
	if err := a.checkSignature(app, r, body); err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, badRequest("the body is not UTF-8")
	}
	query, err := auth.Query(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	return &call{app: app, query: query, body: body, method: r.Method, header: r.Header}, nil
}

// checkSignature takes a HEAD that was signed as the GET whose headers it asks for:
// tools send one for a URL that they were given.
func (a *API) checkSignature(app *auth.App, r *http.Request, body []byte) error {
	request := auth.Request{
		Method: r.Method, Path: r.URL.Path, RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Body: body,
	}
	err := app.CheckRequest(request, a.Now())
	if err != nil && r.Method == http.MethodHead {
		request.Method = http.MethodGet
		err = app.CheckRequest(request, a.Now())
	}
	return err
}

func writeReply(w http.ResponseWriter, status int, out reply) {
	if out == nil {
		out = struct{}{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // the client may be gone
}
