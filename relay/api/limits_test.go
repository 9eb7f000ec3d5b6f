package api_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// fixedNow is the clock of the backend that newBackend makes.
func fixedNow() time.Time { return time.Unix(now, 0) }

// limited is a backend whose app has other limits, and a clock that the test moves.
func limited(t *testing.T, change func(*protocol.Limits)) (b *backend, pass func(time.Duration)) {
	t.Helper()
	b = newBackend(t)
	limits := protocol.DefaultLimits()
	change(&limits)
	if err := b.Apps.Replace(auth.App{ID: "3", Keys: []auth.Key{{Key: key, Secret: secret}}, Limits: limits}); err != nil {
		t.Fatal(err)
	}
	at := fixedNow()
	b.Now = func() time.Time { return at }
	return b, func(d time.Duration) { at = at.Add(d) }
}

// expectLimited checks an answer to too much.
func expectLimited(t *testing.T, got *httptest.ResponseRecorder) {
	t.Helper()
	h := got.Header()
	if got.Code != http.StatusTooManyRequests || h.Get("Retry-After") != "1" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %s %s", got.Code, h, got.Body)
	}
}

func (b *backend) publishOne(t *testing.T) *httptest.ResponseRecorder {
	t.Helper()
	return b.do(t, http.MethodPost, signed(http.MethodPost, "/apps/3/events", event, ""), event)
}

func (b *backend) read(t *testing.T) *httptest.ResponseRecorder {
	t.Helper()
	return b.do(t, http.MethodGet, signed(http.MethodGet, "/apps/3/channels", "", ""), "")
}

func TestAnAppPublishesNoMoreThanItsLimitInASecond(t *testing.T) {
	t.Parallel()
	b, pass := limited(t, func(l *protocol.Limits) { l.Publishes = 3 })
	for range 3 {
		if got := b.publishOne(t); got.Code != http.StatusOK {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
	}
	expectLimited(t, b.publishOne(t))
	if got := b.read(t); got.Code != http.StatusOK {
		t.Errorf("reading: %d %s", got.Code, got.Body)
	}
	if n := testutil.ToFloat64(b.Metrics.Limited.WithLabelValues("3", "publishes")); n != 1 {
		t.Errorf("%v are counted", n)
	}
	pass(time.Second)
	batch := func(n int) int {
		status, _ := b.post(t, "batch_events", `{"batch":[`+strings.TrimSuffix(strings.Repeat(event+",", n), ",")+`]}`)
		return status
	}
	for i, c := range []struct{ events, status int }{{2, 200}, {2, 429}, {1, 200}, {1, 429}} {
		if got := batch(c.events); got != c.status {
			t.Errorf("batch %d: %d, want %d", i, got, c.status)
		}
	}
	pass(time.Second)
	if got := batch(6); got != http.StatusOK { // more than ever fits
		t.Errorf("a large batch: %d", got)
	}
	pass(time.Second)
	expectLimited(t, b.publishOne(t))
	pass(time.Second)
	if got := b.publishOne(t); got.Code != http.StatusOK {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestAnAppReadsNoMoreThanItsLimitInASecond(t *testing.T) {
	t.Parallel()
	b, pass := limited(t, func(l *protocol.Limits) { l.Reads = 2 })
	for range 2 {
		for range 2 {
			if got := b.read(t); got.Code != http.StatusOK {
				t.Fatalf("%d %s", got.Code, got.Body)
			}
		}
		expectLimited(t, b.read(t))
		if got := b.publishOne(t); got.Code != http.StatusOK {
			t.Errorf("publishing: %d %s", got.Code, got.Body)
		}
		pass(time.Second)
	}
	if n := testutil.ToFloat64(b.Metrics.Limited.WithLabelValues("3", "reads")); n != 2 {
		t.Errorf("%v are counted", n)
	}
}

func TestAnAppSaysHowLargeABodyMayBe(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{100, 2 << 20} {
		b, _ := limited(t, func(l *protocol.Limits) { l.Body, l.Data = limit, 4<<20 })
		for size, want := range map[int]int{limit: http.StatusOK, limit + 1: http.StatusRequestEntityTooLarge} {
			body := strings.Replace(event, `"d"`, `"`+strings.Repeat("d", size-len(event)+1)+`"`, 1)
			if status, text := b.post(t, "events", body); status != want {
				t.Errorf("%d of %d bytes: %d %.80s", size, limit, status, text)
			}
		}
	}
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, http.ErrBodyReadAfterClose
}

// Who has no signature costs no more than a look at the query.
func TestBodiesOfCallsThatAreNotSignedAreNotRead(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	good := signed(http.MethodPost, "/apps/3/events", event, "")
	for name, target := range map[string]string{
		"unknown app":     strings.Replace(good, "/3/", "/9/", 1),
		"unknown key":     strings.Replace(good, key, "nobody", 1),
		"wrong signature": strings.Replace(good, "auth_signature=", "auth_signature=0", 1),
		"old":             strings.Replace(good, stamp, "auth_timestamp=1", 1),
		"no path":         "/apps/3/nothing",
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, unread{t})
		recorder := httptest.NewRecorder()
		b.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusUnauthorized && recorder.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, recorder.Code, recorder.Body)
		}
	}
}

// The log does not grow with the calls that fail.
func TestFailuresAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	b, pass := limited(t, func(*protocol.Limits) {})
	var log bytes.Buffer
	b.Log, b.fails = slog.New(slog.NewTextHandler(&log, nil)), errors.New("Redis is away")
	for range 2 {
		for range 5 {
			if got := b.publishOne(t); got.Code != http.StatusServiceUnavailable {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		}
		pass(time.Second)
	}
	if lines := strings.Count(log.String(), "Redis is away"); lines != 2 {
		t.Errorf("%d lines:\n%s", lines, &log)
	}
}

// from has the API answer a POST that comes from an address.
func (b *backend) from(t *testing.T, address, target string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(event))
	request.RemoteAddr = address
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, request)
	return recorder
}

func TestAnAddressThatGuessesIsNotHeardForASecond(t *testing.T) {
	t.Parallel()
	b, pass := limited(t, func(*protocol.Limits) {})
	b.RefusedCalls = 3
	good := signed(http.MethodPost, "/apps/3/events", event, "")
	bad := strings.Replace(good, "auth_signature=", "auth_signature=0", 1)
	status := func(address, target string, want int) {
		t.Helper()
		if got := b.from(t, address, target); got.Code != want {
			t.Errorf("%s: %d %s, want %d", address, got.Code, got.Body, want)
		}
	}
	for _, address := range []string{"192.0.2.1:1", "[2001:db8:0:1::1]:1"} {
		for range 3 {
			status(address, good, http.StatusOK)
			status(address, bad, http.StatusUnauthorized)
		}
	}
	for _, address := range []string{"192.0.2.1:2", "[::ffff:192.0.2.1]:1", "[2001:db8:0:1::2]:1"} {
		expectLimited(t, b.from(t, address, good))
	}
	for _, address := range []string{"192.0.2.2:1", "[2001:db8:0:2::1]:1", "@"} {
		status(address, good, http.StatusOK)
	}
	if n := testutil.ToFloat64(b.Metrics.Shed.WithLabelValues("address_calls")); n != 3 {
		t.Errorf("%v are counted", n)
	}
	pass(time.Second)
	status("192.0.2.1:1", good, http.StatusOK)

	b.Address = func(*http.Request) netip.Addr { return netip.MustParseAddr("198.51.100.7") }
	for range 3 {
		status("192.0.2.1:1", bad, http.StatusUnauthorized)
	}
	expectLimited(t, b.from(t, "192.0.2.2:1", good))
}

// Whoever guesses from many addresses does not fill the memory.
func TestAddressesAreForgotten(t *testing.T) {
	t.Parallel()
	b, _ := limited(t, func(*protocol.Limits) {})
	b.RefusedCalls = 1
	for i := range 12_000 {
		b.from(t, fmt.Sprintf("10.0.%d.%d:1", i/256, i%256), "/apps/3/events")
	}
	if n := b.Refusals(); n > 10_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// What is no fault of the signature is not counted.
func TestOnlyWrongSignaturesCount(t *testing.T) {
	t.Parallel()
	b, _ := limited(t, func(*protocol.Limits) {})
	b.RefusedCalls = 1
	for _, target := range []string{
		"/apps/3/nothing", signed(http.MethodPost, "/apps/3/events", event, "name=e"), signed(http.MethodGet, "/apps/3/channels", "", ""),
	} {
		b.from(t, "192.0.2.1:1", target)
	}
	if got := b.from(t, "192.0.2.1:1", signed(http.MethodPost, "/apps/3/events", event, "")); got.Code != http.StatusOK {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
