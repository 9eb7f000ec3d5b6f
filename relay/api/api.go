// Package api serves Pusher's HTTP API, with which backends publish and ask who
// is there.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
	"buildrelay/relay/clientcert"
	"buildrelay/relay/metrics"
)

const (
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
	// Claim ties a key of an app to a digest for some minutes. It says whether the digest
	// is the one that the key is tied to.
	Claim(ctx context.Context, appID, key, digest string) (bool, error)
}

// API is the handler for /apps/, and for the one call at /users/ that names no app. All
// exported fields are required, but RefusedCalls, Address, Clients, Auditor, Jobs, Reports, Masks
// and Revocations.
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
	// RefusedCalls is how many calls that are not authentic an address may send in a
	// second; 0 is no limit.
	RefusedCalls int
	// Address returns where a request comes from; nil means the other end of its
	// connection.
	Address func(*http.Request) netip.Addr
	// Clients say whose certificates will do, which callers show beside the signature; nil
	// means that they need none.
	Clients *clientcert.Rule
	// Auditor keeps records of calls; nil where nobody does, which costs nothing. Run must run
	// where there is one.
	Auditor relay.Auditor
	// Jobs make records of status events that are published; nil where none do, or there is
	// no Auditor.
	Jobs audit.Jobs
	// Masks keep what publishers want masked; nil where nothing is masked.
	Masks Masks
	// Reports keeps what backends report; nil where no audit trail is kept.
	Reports Reports
	// Revocations tells what is revoked; nil where nobody does.
	Revocations Revocations

	readers  atomic.Int64 // calls that stay for a while
	warned   atomic.Int64 // the second in which a failure was logged last
	rates    rates
	refusals refusals

	summaries summaries
}

// reply is what a call answers: a stream, or something that becomes JSON. Nil means
// an empty JSON object.
type reply any

// stream writes an answer of its own, for as long as it takes. After an error the
// connection is cut, so that the client knows that there is more.
type stream interface {
	serve(w http.ResponseWriter, r *http.Request) error
}

// ServeHTTP answers /apps/{id}/… . The path must come as the client sent it:
// the signature covers it, so it may be neither cleaned nor redirected.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
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
	a.Metrics.RequestTime.WithLabelValues(rt.path).Observe(time.Since(begun).Seconds())
	if broken != nil {
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	}
}

// answer carries out the request. It returns the route as far as there is one, else
// one named "none".
func (a *API) answer(w http.ResponseWriter, r *http.Request) (route, reply, error) {
	t, err := find(r)
	if err != nil {
		hangUp(w, r)
		return route{path: "none"}, nil, err
	}
	out, err := a.carryOut(w, r, t)
	if err != nil {
		a.noteKeyRefused(r, t, err)
		a.noteDenied(r, t, err)
	}
	return t.route, out, err
}

// carryOut carries out a request for a route.
func (a *API) carryOut(w http.ResponseWriter, r *http.Request, t target) (reply, error) {
	c, err := a.authenticate(w, r, t)
	if err != nil {
		return nil, err
	}
	out, err := a.handle(r.Context(), c, t)
	if !refuses(err) {
		a.noteKeyUsed(c, t.right())
	}
	return out, err
}

// handle carries out a call that is authentic.
func (a *API) handle(ctx context.Context, c *call, t target) (reply, error) {
	if t.reads() {
		if err := a.allow(c.app, reads, 1); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, t.time)
	defer cancel()
	return t.handle(a, ctx, c)
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
