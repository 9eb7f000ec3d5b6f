package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"buildrelay/auth"
)

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
		{http.MethodGet, "channels/*/stats", http.StatusOK, maxTime, (*API).getStats},
		{http.MethodGet, "channels/*/history", http.StatusOK, maxLongTime, (*API).getHistory},
		{http.MethodGet, "channels/*/users", http.StatusOK, maxTime, (*API).getUsers},
		{http.MethodPost, terminate, http.StatusOK, maxTime, (*API).postTerminate},
		{http.MethodPost, "audit", http.StatusOK, maxTime, (*API).postAudit},
		{http.MethodPost, revocations, http.StatusOK, maxTime, (*API).postRevocations},
		{http.MethodPost, "masks", http.StatusOK, maxTime, (*API).postMasks},
		{http.MethodHead, "channels/*/log", http.StatusOK, maxLongTime, (*API).getLog},
		{http.MethodGet, "channels/*/log", http.StatusOK, maxLongTime, (*API).getLog},
	}
}

const terminate = "users/*/terminate_connections"

// reads says whether a call asks for something.
func (rt route) reads() bool { return rt.method != http.MethodPost }

// right is what the key of a call needs.
func (rt route) right() auth.Right {
	if rt.reads() {
		return auth.RightRead
	}
	return auth.RightPublish
}

// publishes says whether a call publishes events, says what of them is masked, or reports what
// belongs into the trail.
func (rt route) publishes() bool {
	return slices.Contains([]string{"events", "batch_events", "channels/*/events", "audit", "masks"}, rt.path)
}

// target is what a request is meant for.
type target struct {
	route
	named bool // whether the path names an app
	appID string
	name  string // what the path has for "*", decoded
}

// find finds what a request is meant for. It works on the path as sent, so that an
// escaped slash separates nothing. Pusher's SDK for Python ends a user's connections
// without naming an app.
func find(r *http.Request) (target, error) {
	path := r.URL.EscapedPath()
	rest, named := strings.CutPrefix(path, "/apps/")
	if !named {
		return findIn(r.Method, strings.TrimPrefix(path, "/"), func(rt route) bool { return rt.path == terminate })
	}
	appID, rest, _ := strings.Cut(rest, "/")
	t, err := findIn(r.Method, rest, func(route) bool { return true })
	t.named, t.appID = true, appID
	return t, err
}

// findIn finds the route of a path among those that are served there.
func findIn(method, path string, served func(route) bool) (target, error) {
	var allowed []string
	for _, rt := range routes() {
		escaped, ok := rt.match(path)
		switch {
		case !ok || !served(rt):
			continue
		case rt.method != method:
			allowed = append(allowed, rt.method)
			continue
		}
		name, err := url.PathUnescape(escaped)
		if err != nil {
			return target{}, badRequest("the path is not escaped properly")
		}
		return target{route: rt, name: name}, nil
	}
	if len(allowed) > 0 {
		slices.Sort(allowed)
		methods := strings.Join(allowed, ", ")
		return target{}, &failure{status: http.StatusMethodNotAllowed, message: "use " + methods + " for this path", allow: methods}
	}
	return target{}, &failure{status: http.StatusNotFound, message: "there is nothing at this path"}
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
