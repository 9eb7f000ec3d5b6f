package pipe

import (
	"cmp"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

const testSecret = "7ad3773142a6692b25b8"

// relayStub checks signatures as the relay does and notes what it is sent.
type relayStub struct {
	t        *testing.T
	app      *auth.App
	status   int    // of the answers; 0 is 200
	answer   string // with that status
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
		http.Error(w, cmp.Or(s.answer, "the relay's own words"), s.status)
		return
	}
	_, _ = io.WriteString(w, cmp.Or(s.answer, "{}"))
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
	if diff := gocmp.Diff(want, stub.requests); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPSaysHowEventsJoinTheirLog(t *testing.T) {
	stub, h := newStub(t, testSecret)
	lines, bytes := int64(3), int64(0)
	for _, a := range []*protocol.Append{
		{Begin: true}, {Epoch: "0123456789abcdef"}, {Final: &protocol.Final{}}, {Final: &protocol.Final{Lines: &lines, Bytes: &bytes}},
	} {
		e := protocol.Event{Name: "e", Channel: "c", Data: "d", ID: "run-1", Append: a}
		if _, err := h.Publish(t.Context(), "3", []protocol.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	const event = `POST /apps/3/events {"name":"e","channels":["c"],"data":"d","id":"run-1"`
	want := []string{
		event + `,"begin":true}`, event + `,"epoch":"0123456789abcdef"}`,
		event + `,"final":{"lines":null,"bytes":null}}`, event + `,"final":{"lines":3,"bytes":0}}`,
	}
	if diff := gocmp.Diff(want, stub.requests); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPReadsTheReceipt(t *testing.T) {
	at := func(offset uint64) protocol.Position {
		return protocol.Position{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: offset, Nonce: 5}}
	}
	for answer, want := range map[string]protocol.Receipt{
		`{}`: {},
		`{"relay":{"positions":["0123456789abcdef:1-5"],"watched":true}}`: {Positions: []protocol.Position{at(1)}, Watched: true},
		`{"relay":{"positions":["0:0-0","0123456789abcdef:2-5"]}}`:        {Positions: []protocol.Position{{}, at(2)}},
		`{"relay":{"positions":["nonsense"],"watched":true}}`:             {},
		`ok`: {},
	} {
		stub, h := newStub(t, testSecret)
		stub.answer = answer
		got, err := h.Publish(t.Context(), "3", []protocol.Event{{Name: "e", Channel: "c"}})
		if diff := gocmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, %s", answer, err, diff)
		}
	}
}

func TestHTTPPutsReceiptsOfSeveralRequestsTogether(t *testing.T) {
	stub, h := newStub(t, testSecret)
	stub.answer = `{"relay":{"positions":["0123456789abcdef:1-5"],"watched":true}}` // of each request, as far as this test cares
	got, err := h.Publish(t.Context(), "3", make([]protocol.Event, 12))
	if err != nil || len(got.Positions) != 2 || !got.Watched {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestHTTPTellsWhyALogTakesNothing(t *testing.T) {
	for answer, want := range map[string]error{
		"log gone: it is":   protocol.ErrLogGone,
		"log closed: it is": protocol.ErrLogClosed,
		"something else":    ErrRefused,
	} {
		stub, h := newStub(t, testSecret)
		stub.status, stub.answer = http.StatusConflict, answer
		if _, err := h.Publish(t.Context(), "3", []protocol.Event{{Name: "e", Channel: "c"}}); !errors.Is(err, want) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestHTTPTellsFinalErrorsFromPassingOnes(t *testing.T) {
	for _, tt := range []struct {
		status  int
		refused bool
		text    string
	}{
		{http.StatusBadRequest, true, "the relay's own words"},
		{http.StatusForbidden, true, "the key is not for this"},
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
