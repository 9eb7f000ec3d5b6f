package transport_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// seenBy is r as a run of a fuzz target sees it.
func (r *fallbackRig) seenBy(t *testing.T) *fallbackRig {
	seen := *r
	seen.t = t
	return &seen
}

// served is what the node's handler answers to a request whose client is gone already: it
// waits for nothing.
func (r *fallbackRig) served(method string, target *url.URL, origin, body string) *httptest.ResponseRecorder {
	ctx, gone := context.WithCancel(r.t.Context())
	gone()
	request := httptest.NewRequestWithContext(ctx, method, "/", strings.NewReader(body))
	request.URL, request.RequestURI = target, target.RequestURI()
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	recorder := httptest.NewRecorder()
	r.handler.ServeHTTP(recorder, request)
	return recorder
}

func FuzzSessionPath(f *testing.F) {
	for _, path := range []string{
		"/pusher/app/ci/1/aaaaaaaa/xhr_streaming", "/app/ci/999/0123456v/xhr", "/pusher/app/ci/0/aaaaaaaa/xhr_send?t=1&n=2",
		"/pusher/app/a%2fb/1/aaaaaaaa/xhr_streaming?protocol=7;", "/pusher/000/aaaaaaaa/xhr", "/pusher/info", "/pusher/app/ci/1/aaaaaaaa/xhr%5fsend",
		"//app/ci/1/aaaaaaaa/xhr", "/pusher/app/../app/ci/1/aaaaaaaa/xhr", "/pusher/app/\xff/1/aaaaaaaa/xhr?protocol=%zz",
	} {
		f.Add(path, "POST", "https://a.example")
		f.Add(path, "OPTIONS", "")
	}
	all := newFallbackRig(f, fallbackSetup{config: transport.FallbackConfig{Grace: time.Nanosecond}})
	f.Fuzz(func(t *testing.T, path, method, origin string) {
		r := all.seenBy(t)
		target, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(target.Path, "/app/") && strings.Count(target.Path, "/") == 2 {
			t.Skip("no path of a request, or a WebSocket's")
		}
		if _, err := http.NewRequest(method, "/", http.NoBody); err != nil || strings.ContainsFunc(origin, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Skip("no request")
		}
		answer := r.served(method, target, origin, "")
		if !documented(answer.Code) && answer.Code != http.StatusTemporaryRedirect {
			t.Errorf("%s %q is answered by %d %s", method, path, answer.Code, answer.Body)
		}
		if answer.Code == http.StatusNoContent || strings.Contains(answer.Body.String(), "o\n") {
			expectShared(t, answer.Header(), origin)
		}
	})
}

func FuzzSendBody(f *testing.F) {
	for _, body := range []string{
		"", "[]", `["{}"]`, `["{\"event\":\"pusher:ping\"}"]`, `["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"news\"}}"]`, `[1]`, `["\ud800"]`,
		"[\"\xff\"]", `["` + strings.Repeat("x", 70<<10) + `"]`, strings.Repeat("[", 1_000), `{"path":"/app/ci"}`, "\ufeff[]", `["a"]x`,
	} {
		f.Add(body)
	}
	// Polls are answered soon, with a heartbeat if there is nothing.
	all := newFallbackRig(f, fallbackSetup{config: transport.FallbackConfig{Grace: time.Hour, Heartbeat: time.Millisecond}})
	session := ""
	f.Fuzz(func(t *testing.T, body string) {
		r := all.seenBy(t)
		for session == "" || r.served("POST", pathOf(session, "xhr_send"), "", "[]").Code == http.StatusNotFound {
			session = r.opened(t)
		}
		answer := r.served("POST", pathOf(session, "xhr_send"), "https://a.example", body)
		switch answer.Code {
		case http.StatusNoContent, http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusNotFound:
		default:
			t.Errorf("%q is answered by %d %s", body, answer.Code, answer.Body)
		}
		expectShared(t, answer.Header(), "https://a.example")
		r.roundTrip(request("POST", receivePath(session, "xhr"), "")) // lest more and more waits
	})
}

func pathOf(session, action string) *url.URL {
	return &url.URL{Path: "/pusher/app/ci/" + session + "/" + action}
}

// opened is a session that its client knows of, and which has more to say.
func (r *fallbackRig) opened(t *testing.T) (session string) {
	t.Helper()
	session = relaytest.NewSession()
	for body := ""; !strings.Contains(body, "connection_established"); {
		_, body = r.roundTrip(request("POST", receivePath(session, "xhr"), ""))
	}
	return session
}
