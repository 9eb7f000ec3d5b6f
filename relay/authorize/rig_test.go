package authorize_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

const (
	socketID = "1234.5678"
	build    = "private-build-acme;site;7"
	people   = "presence-build-acme;site;7"
)

// decider says what its function does, and keeps what it was asked.
type decider struct {
	decide func(q authorize.Question) (authorize.Answer, error)

	mu    sync.Mutex
	asked []authorize.Question
}

func (d *decider) Decide(_ context.Context, q authorize.Question) (authorize.Answer, error) {
	d.mu.Lock()
	d.asked = append(d.asked, q)
	d.mu.Unlock()
	return d.decide(q)
}

// yes is the decider that lets everybody in, as ada.
func yes(authorize.Question) (authorize.Answer, error) {
	return authorize.Answer{Member: &protocol.Member{ID: "ada", Info: `{"name":"Ada"}`}}, nil
}

func no(authorize.Question) (authorize.Answer, error) {
	return authorize.Answer{}, authorize.ErrDenied
}

// journal is an auditor that keeps what was refused.
type journal struct {
	mu      sync.Mutex
	refused []audit.Record
}

func (j *journal) Note(audit.Record)                           {}
func (j *journal) Confirm(context.Context, audit.Record) error { return nil }

func (j *journal) Refused(r audit.Record, _, _ string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refused = append(j.refused, r)
}

// endpoint is a handler with one app, "3", and what it stands on.
type endpoint struct {
	*authorize.Handler
	app     *auth.App
	decider *decider
	journal *journal
	metrics *metrics.Metrics
}

func newEndpoint(t testing.TB, decide func(authorize.Question) (authorize.Answer, error), apps ...auth.App) endpoint {
	t.Helper()
	if apps == nil {
		apps = []auth.App{{ID: "3", Keys: []auth.Key{{Key: "key", Secret: "secret-of-the-app"}}, Origins: auth.Origins{"https://ci.example.com", "https://*.pages.example.com"}}}
	}
	all, err := auth.NewApps(apps...)
	if err != nil {
		t.Fatal(err)
	}
	patterns, err := authorize.ParsePatterns("private-build-{owner};{repo};{build} presence-build-{owner};{repo};{build} private-list")
	if err != nil {
		t.Fatal(err)
	}
	e := endpoint{decider: &decider{decide: decide}, journal: &journal{}, metrics: metrics.New(prometheus.NewRegistry())}
	e.app, _ = all.ByID(apps[0].ID)
	e.Handler = &authorize.Handler{
		Apps: all, Patterns: patterns, Decider: e.decider, Metrics: e.metrics.Authorizations, Auditor: e.journal,
		Address: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		Now:     time.Now,
	}
	return e
}

// post posts a form, with headers as name, value, name, value.
func (e endpoint) post(path, form string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://relay.example.com"+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return e.do(r)
}

// do sends a request. One that does not show who sends it has a cookie.
func (e endpoint) do(r *http.Request) *httptest.ResponseRecorder {
	if r.Header.Get("Cookie") == "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Cookie", "session=somebody")
	}
	return e.doAsItIs(r)
}

func (e endpoint) doAsItIs(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler := e.Channels()
	if strings.HasPrefix(r.URL.Path, "/pusher/user-auth") {
		handler = e.Users()
	}
	handler.ServeHTTP(w, r)
	return w
}

// subscribing is the form of who wants to subscribe.
func subscribing(channels ...string) string {
	form := url.Values{"socket_id": {socketID}}
	if len(channels) == 1 {
		form.Set("channel_name", channels[0])
	} else {
		for i, channel := range channels {
			form.Set("channel_name["+string(rune('0'+i))+"]", channel)
		}
	}
	return form.Encode()
}
