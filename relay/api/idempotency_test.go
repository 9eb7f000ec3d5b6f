package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// keyed has the API answer a POST with Idempotency-Keys.
func (b *backend) keyed(t *testing.T, path, body string, keys ...string) *httptest.ResponseRecorder {
	t.Helper()
	target := sign(http.MethodPost, path, body, nil)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	request.Header["Idempotency-Key"] = keys
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, request)
	return recorder
}

func TestAnIdempotencyKeyNamesTheEventsOfACall(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	const batch = `{"batch":[` + event + `,{"name":"e","channel":"a","data":"d","id":"own"},` + event + `]}`
	b.keyed(t, "/apps/3/events", `{"name":"e","channels":["a","b"],"data":"d"}`, "k 1")
	b.keyed(t, "/apps/3/batch_events", batch, "k 2")
	named := func(channel, id string) protocol.Event {
		return protocol.Event{Name: "e", Channel: channel, Data: "d", ID: id}
	}
	want := []protocol.Event{named("a", "k 1:0"), named("b", "k 1:0"), named("a", "k 2:0"), named("a", "own"), named("a", "k 2:2")}
	if diff := cmp.Diff(want, b.published); diff != "" {
		t.Error(diff)
	}
}

func TestAnIdempotencyKeyIsForOneCall(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	other := strings.Replace(event, "d", "D", 1)
	for i, c := range []struct {
		path, body, key string
		status          int
	}{
		{"/apps/3/events", event, "k", 200},
		{"/apps/3/events", event, "k", 200},
		{"/apps/3/events", event + " ", "k", 409},
		{"/apps/3/events", `{"name":"e","channel":"a","data":"x"}`, "k", 409},
		{"/apps/3/events", other, "l", 400}, // no publication: the key stays free
		{"/apps/3/events", event, "l", 200},
		{"/apps/3/batch_events", `{"batch":[` + event + `]}`, "k", 409},
		{"/apps/3/events", event, "K", 200},
	} {
		got := b.keyed(t, c.path, c.body, c.key)
		text := strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain")
		if got.Code != c.status || text != (c.status != 200) {
			t.Errorf("call %d: %d %s, want %d", i, got.Code, got.Body, c.status)
		}
	}
	if len(b.published) != 4 {
		t.Errorf("published %v", b.published)
	}
}

// What the query says counts, what signs it does not: a call is signed anew each time.
func TestACallIsTheSameThoughItIsSignedAnew(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	status := func(more, at string) int {
		query := k + "&auth_timestamp=" + at + "&" + v1 + "&channel=a&data=d&name=" + more
		target := "/apps/3/events?" + query + "&auth_signature=" + hexHMAC(http.MethodPost, "/apps/3/events", query)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, http.NoBody)
		request.Header.Set("Idempotency-Key", "k")
		recorder := httptest.NewRecorder()
		b.ServeHTTP(recorder, request)
		return recorder.Code
	}
	for i, c := range []struct {
		name, at string
		want     int
	}{{"e", "1353088179", 200}, {"e", "1353088180", 200}, {"f", "1353088179", 409}} {
		if got := status(c.name, c.at); got != c.want {
			t.Errorf("call %d: %d, want %d", i, got, c.want)
		}
	}
}

func TestIdempotencyKeysThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		keys   []string
		status int
	}{
		{[]string{"k"}, 200},
		{[]string{`"a}b*\ ~`}, 200},
		{[]string{strings.Repeat("k", 128)}, 200},
		{[]string{strings.Repeat("k", 129)}, 400},
		{[]string{""}, 400},
		{[]string{"é"}, 400},
		{[]string{"a\tb"}, 400},
		{[]string{"a\x7f"}, 400},
		{[]string{"a", "a"}, 400},
	} {
		b := newBackend(t)
		if got := b.keyed(t, "/apps/3/events", event, c.keys...); got.Code != c.status || (len(b.published) == 1) != (c.status == 200) {
			t.Errorf("%d: %d %s, want %d", i, got.Code, got.Body, c.status)
		}
	}
}

func TestNothingIsPublishedWhereAKeyCannotBeTied(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.fails = errAway
	got := b.keyed(t, "/apps/3/events", event, "k")
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "1" || len(b.published) != 0 {
		t.Errorf("%d %s, published %v", got.Code, got.Body, b.published)
	}
}

// An answer that was lost is had again by the same call.
func TestACallThatIsTriedAgainPublishesOnce(t *testing.T) {
	t.Parallel()
	b, engine := withLogs(t)
	body := `{"batch":[{"name":"e","channel":"log-a","data":"1"},{"name":"e","channel":"live","data":"2"},{"name":"e","channel":"log-a","data":"3"}]}`
	var answers []string
	for range 3 {
		got := b.keyed(t, "/apps/3/batch_events", body, "k")
		if got.Code != http.StatusOK {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		answers = append(answers, got.Body.String())
	}
	if answers[1] != answers[0] || answers[2] != answers[0] {
		t.Errorf("answered %q", answers)
	}
	page, err := engine.ReadLog(t.Context(), "3", "log-a", protocol.Start{Kind: protocol.StartFirst})
	if err != nil || len(page.Entries) != 2 {
		t.Errorf("%d entries in the log (%v)", len(page.Entries), err)
	}
	if got := b.keyed(t, "/apps/3/batch_events", fmt.Sprint(body, " "), "k"); got.Code != http.StatusConflict {
		t.Errorf("another body: %d %s", got.Code, got.Body)
	}
}
