package pipe

import (
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

const testSecret = "7ad3773142a6692b25b8"

// relayStub checks signatures as the relay does and notes what it is sent.
type relayStub struct {
	t        *testing.T
	app      *auth.App
	status   int // of the answers; 0 is 200
	requests []string
}

func (s *relayStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	request := auth.Request{Method: r.Method, Path: r.URL.Path, RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Body: body}
	if err := s.app.CheckRequest(request, time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	s.requests = append(s.requests, r.Method+" "+r.URL.Path+" "+string(body))
	if s.status != 0 {
		http.Error(w, "the relay's own words", s.status)
	}
}

func newStub(t *testing.T, secret auth.Secret) (*relayStub, *HTTP) {
	t.Helper()
	stub := &relayStub{t: t, app: &auth.App{ID: "3", Keys: []auth.Key{{Key: "k", Secret: testSecret}}}}
	server := httptest.NewServer(stub)
	t.Cleanup(server.Close)
	h, err := NewHTTP(HTTPConfig{URL: server.URL + "/", Key: auth.Key{Key: "k", Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	return stub, h
}

func TestHTTPPublishesSignedRequestsInOrder(t *testing.T) {
	stub, h := newStub(t, testSecret)
	event := func(data string) protocol.Event { return protocol.Event{Name: EventOutput, Channel: "c", Data: data} }
	if _, err := h.Publish(t.Context(), "3", []protocol.Event{event(`{"text":"<é>"}`)}); err != nil {
		t.Fatal(err)
	}
	many := make([]protocol.Event, 12)
	for i := range many {
		many[i] = event(string(rune('a' + i)))
	}
	if _, err := h.Publish(t.Context(), "3", many); err != nil {
		t.Fatal(err)
	}
	item := func(data string) string { return `{"name":"build:output","channel":"c","data":"` + data + `"}` }
	want := []string{
		`POST /apps/3/events {"name":"build:output","channels":["c"],"data":"{\"text\":\"<é>\"}"}`,
		`POST /apps/3/batch_events {"batch":[` + strings.Join([]string{
			item("a"), item("b"), item("c"), item("d"), item("e"), item("f"), item("g"), item("h"), item("i"), item("j"),
		}, ",") + `]}`,
		`POST /apps/3/batch_events {"batch":[` + item("k") + "," + item("l") + `]}`,
	}
	if diff := cmp.Diff(want, stub.requests); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPTellsFinalErrorsFromPassingOnes(t *testing.T) {
	for _, tt := range []struct {
		status  int
		refused bool
		text    string
	}{
		{http.StatusBadRequest, true, "the relay's own words"},
		{http.StatusForbidden, true, "wrong app id, key, secret or clock"},
		{http.StatusNotFound, true, "404"},
		{http.StatusMovedPermanently, true, "301"},
		{http.StatusRequestEntityTooLarge, true, "limit on an event is lower"},
		{http.StatusTooManyRequests, false, "429"},
		{http.StatusInternalServerError, false, "500"},
		{http.StatusServiceUnavailable, false, "503"},
	} {
		stub, h := newStub(t, testSecret)
		stub.status = tt.status
		_, err := h.Publish(t.Context(), "3", []protocol.Event{{Name: "e", Channel: "c"}})
		if err == nil || errors.Is(err, ErrRefused) != tt.refused || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%d: %v", tt.status, err)
		}
	}
}

func TestHTTPRefusalOfAWrongSecretShowsNoSecret(t *testing.T) {
	_, h := newStub(t, "wrong-secret")
	_, err := h.Publish(t.Context(), "3", []protocol.Event{{Name: "e", Channel: "c"}})
	if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("got %v", err)
	}
}

func TestHTTPConnectionErrorsPassAndShowNoSignature(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	h, err := NewHTTP(HTTPConfig{URL: server.URL, Key: auth.Key{Key: "k", Secret: testSecret}})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err = h.Publish(t.Context(), "3", []protocol.Event{{Name: "e", Channel: "c"}})
	if err == nil || errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "auth_") {
		t.Errorf("got %v", err)
	}
}

func TestHTTPNeedsAPlainURLAndAKey(t *testing.T) {
	key := auth.Key{Key: "k", Secret: testSecret}
	for _, c := range []HTTPConfig{
		{URL: "", Key: key},
		{URL: "relay.example:6001", Key: key},
		{URL: "ftp://relay.example", Key: key},
		{URL: "https://relay.example/prefix", Key: key},
		{URL: "https://user:hunter2@relay.example", Key: key},
		{URL: "https://user:hunter2@relay.example:port", Key: key},
		{URL: "https://relay.example"},
	} {
		if _, err := NewHTTP(c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", c.URL, err)
		}
	}
}

func TestHTTPCertificatesThatAreNotTrustedAreFinal(t *testing.T) {
	server := httptest.NewUnstartedServer(&relayStub{t: t, app: &auth.App{ID: "3", Keys: []auth.Key{{Key: "k", Secret: testSecret}}}})
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	events := []protocol.Event{{Name: "e", Channel: "c", Data: "{}"}}
	config := HTTPConfig{URL: server.URL, Key: auth.Key{Key: "k", Secret: testSecret}}
	stranger, err := NewHTTP(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Publish(t.Context(), "3", events); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
	config.Roots = x509.NewCertPool()
	config.Roots.AddCert(server.Certificate())
	friend, err := NewHTTP(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := friend.Publish(t.Context(), "3", events); err != nil {
		t.Error(err)
	}
}
