package authorize_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/protocol"
	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

// newForward asks address; what it logs is in the buffer.
func newForward(t testing.TB, address string) (*authorize.Forward, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	m := metrics.New(prometheus.NewRegistry())
	f, err := authorize.NewForward(address, func() *x509.CertPool { return nil }, m.Authorizations, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return f, &log
}

// secretive is a question by somebody who shows who it is.
func secretive() authorize.Question {
	return authorize.Question{
		App: "3", SocketID: socketID, Channel: build, Pattern: "private-build-{owner};{repo};{build}",
		Fields: map[string]string{"owner": "acme", "repo": "site", "build": "7"}, Cookie: "session=s3cret", Authorization: "Bearer s3cret",
	}
}

func TestTheCIIsAskedWithWhatTheClientShows(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var got map[string]any
		if err != nil || json.Unmarshal(body, &got) != nil {
			t.Errorf("%s: %v", body, err)
		}
		want := map[string]any{
			"app": "3", "socket_id": socketID, "channel": build, "pattern": "private-build-{owner};{repo};{build}",
			"fields": map[string]any{"owner": "acme", "repo": "site", "build": "7"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("asked (- wanted, + got):\n%s", diff)
		}
		for name, want := range map[string]string{
			"Cookie": "session=s3cret", "Authorization": "Bearer s3cret", "Content-Type": "application/json", "X-Idempotency-Key": "",
		} {
			if got := r.Header.Get(name); r.Method != http.MethodPost || got != want {
				t.Errorf("%s with %s: %q", r.Method, name, got)
			}
		}
		_, _ = io.WriteString(w, `{"user_id":7,"user_info":{"name":"Ada"}}`)
	}))
	t.Cleanup(server.Close)
	f, log := newForward(t, server.URL)
	answer, err := f.Decide(t.Context(), secretive())
	if err != nil || answer.Member == nil || *answer.Member != (protocol.Member{ID: "7", Info: `{"name":"Ada"}`}) || log.Len() > 0 {
		t.Errorf("%+v, %v, logged %s", answer.Member, err, log)
	}
}

// Whatever is not clearly a yes is none.
func TestAnAnswerThatIsNoneLetsNobodyIn(t *testing.T) {
	t.Parallel()
	var led atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string // in the error; "" for a yes
	}{
		"a bare yes":               {200, "", ""},
		"no content":               {204, "", ""},
		"an empty object":          {201, " {}\n", ""},
		"null":                     {200, `{"user_id":null}`, ""},
		"401":                      {401, "", "the client may not: status 401"},
		"403":                      {403, `{"user_id":"ada"}`, "the client may not: status 403"},
		"404":                      {404, "", "the client may not: status 404"},
		"410":                      {410, "{}", "the client may not: status 410"},
		"429":                      {429, "", "has status 429"},
		"500":                      {500, "", "has status 500"},
		"a redirect":               {302, "", "the client may not: status 302"},
		"a redirect that keeps it": {307, "", "the client may not: status 307"},
		"a page to log in":         {200, "<!DOCTYPE html><title>Log in</title>", "must be empty, or a JSON object"},
		"a word":                   {200, `"yes"`, "must be empty, or a JSON object"},
		"false":                    {200, "false", "must be empty, or a JSON object"},
		"half an object":           {200, `{"user_id":"ada"`, "must be empty, or a JSON object"},
		"two objects":              {200, `{}{}`, "must be empty, or a JSON object"},
		"a yes, but":               {200, `{"allowed":false}`, "and nothing else"},
		"another case":             {200, `{"User_id":"ada"}`, "user_id"},
		"two ids":                  {200, `{"user_id":"ada","user_id":"bob"}`, "user_id"},
		"no id":                    {200, `{"user_id":""}`, "user_id"},
		"an id that is none":       {200, `{"user_id":true}`, "user_id"},
		"info that is none":        {200, `{"user_id":"ada","user_info":"Ada"}`, "user_info"},
		"info of nobody":           {200, `{"user_info":{}}`, "user_info without user_id"},
		"no UTF-8":                 {200, "{\"user_id\":\"\xff\"}", "JSON"},
		"a huge body":              {200, `{"user_id":"` + strings.Repeat("x", 1<<20) + `"}`, "more than 16384 bytes"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tt.status >= 300 && tt.status < 400 {
				w.Header().Set("Location", elsewhere.URL)
			}
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		t.Cleanup(server.Close)
		f, log := newForward(t, server.URL+"?token=s3cret")
		_, err := f.Decide(t.Context(), secretive())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if denied := strings.HasPrefix(tt.want, "the client may not"); errors.Is(err, authorize.ErrDenied) != denied || (log.Len() > 0) != (err != nil && !denied) || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%s: %v, logged %s", name, err, log)
		}
	}
	if led.Load() > 0 {
		t.Error("a redirect was followed, with the client's cookies")
	}
}

func TestACIThatIsAwayLetsNobodyIn(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	rude := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"user_id":"ada"}`)
		panic(http.ErrAbortHandler) // the connection ends in the middle of the body
	}))
	t.Cleanup(rude.Close)
	byTLS := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	byTLS.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	byTLS.StartTLS() // of an authority that nobody knows
	t.Cleanup(byTLS.Close)
	for name, address := range map[string]string{"down": closed.URL, "cut off": rude.URL, "somebody else": byTLS.URL} {
		f, log := newForward(t, address+"/?token=s3cret")
		if _, err := f.Decide(t.Context(), secretive()); err == nil || errors.Is(err, authorize.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(log.String(), "s3cret") || !strings.Contains(log.String(), "nobody decides who may watch") {
			t.Errorf("%s: logged %s", name, log)
		}
	}
}

// That it is away is told once, and that it is back when it has been for a while: whoever can ask
// what it does not decide cannot flood the log.
func TestThatNobodyDecidesIsToldOnce(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(server.Close)
	f, log := newForward(t, server.URL)
	now := time.Now()
	f.SetNow(func() time.Time { return now })
	for _, step := range []struct {
		status           int32
		later            time.Duration
		wantAway, wanted int // of what is logged by then
	}{
		{500, 0, 1, 0},
		{500, 0, 1, 0},
		{403, time.Second, 1, 0},
		{500, 50 * time.Second, 1, 0},
		{404, 59 * time.Second, 1, 0},
		{200, time.Second, 1, 1},
		{302, time.Hour, 1, 1},
		{429, 0, 2, 1},
		{200, time.Second, 2, 1},
	} {
		status.Store(step.status)
		now = now.Add(step.later)
		_, _ = f.Decide(t.Context(), secretive())
		if away, back := strings.Count(log.String(), "nobody decides"), strings.Count(log.String(), "decided again"); away != step.wantAway || back != step.wanted {
			t.Errorf("after %+v:\n%s", step, log)
		}
	}
}

// One that is slow holds up as many as may ask at a time; the others give up in time, as they do.
func TestASlowCIIsNotAskedByEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var now, most atomic.Int32
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for n := now.Add(1); ; {
			seen := most.Load()
			if n <= seen || most.CompareAndSwap(seen, n) {
				break
			}
		}
		_, _ = io.Copy(io.Discard, r.Body) // that the client goes is noticed behind the body
		<-r.Context().Done()
		now.Add(-1)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // the cleanup waits
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	f, _ := newForward(t, "http://"+listener.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	failed := make(chan error, 200)
	for i := range cap(failed) {
		go func() { // the loop below waits
			q := secretive()
			q.Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			_, err := f.Decide(ctx, q)
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err == nil || errors.Is(err, authorize.ErrDenied) {
			t.Errorf("got %v", err)
		}
	}
	if n := most.Load(); n < 1 || n > 64 {
		t.Errorf("%d asked at a time", n)
	}
}

func TestAnAddressThatCannotBeAskedIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "ci.example.com", "/auth", "ftp://ci.example.com", "https://", "https://user:s3cret@ci.example.com", "https://ci.example.com/#a", "http://[::1"} {
		_, err := authorize.NewForward(address, nil, metrics.Authorizations{}, nil)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
