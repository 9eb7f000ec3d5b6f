package transport_test

import (
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

func TestARequestIsSentOnAsItCame(t *testing.T) {
	var got *http.Request
	var body []byte
	var e *edge
	owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		if ok, err := e.peers.Forwarded(r, body); !ok || err != nil {
			t.Errorf("the owner does not believe it: %v, %v", ok, err)
		}
		h := w.Header()
		h.Set("Vary", "Origin")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("X-Of-The-Owner", "1")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "the owner's")
	})
	e = newEdge(t, owner)
	const path = "xhr_send?t=1&a=%2F+;b&n=%C3%B6%20%c3"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+path, strings.NewReader(`["x"]`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Origin": "https://page.example.com", "X-Forwarded-For": "192.0.2.1", "Cookie": "a=b", "Content-Type": "text/plain",
		"Te": "trailers", "Connection": "X-Mine, close", "X-Mine": "1", "Keep-Alive": "5", "Expect": "100-continue",
		"Accept-Encoding": "gzip", "User-Agent": "x",
	} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)

	got.Header.Del(forwardedBy)
	if diff := cmp.Diff(http.Header{
		"Origin": {"https://page.example.com"}, "X-Forwarded-For": {"192.0.2.1"}, "Cookie": {"a=b"}, "Content-Type": {"text/plain"},
		"Accept-Encoding": {"gzip"}, "Content-Length": {"5"}, "User-Agent": {"x"},
	}, got.Header); diff != "" {
		t.Errorf("the owner is sent (- wanted, + got):\n%s", diff)
	}
	if got.RequestURI != "/app/key/1/aaaaaaaa/"+path || string(body) != `["x"]` || got.Method != http.MethodPost {
		t.Errorf("the owner is asked %s %s %q", got.Method, got.RequestURI, body)
	}
	if response.StatusCode != http.StatusTeapot || string(text) != "the owner's" {
		t.Errorf("the client is answered %s %q", response.Status, text)
	}
	for name, want := range map[string][]string{
		"Vary": {"Origin"}, "Access-Control-Allow-Origin": {"*"}, "X-Of-The-Owner": {"1"}, "X-Hop": nil, "Content-Length": {"11"},
	} {
		if diff := cmp.Diff(want, response.Header.Values(name)); diff != "" {
			t.Errorf("%s (- wanted, + got):\n%s", name, diff)
		}
	}
	e.counted("answered", 1)
}

// What the owner says comes at once, however long it takes until it says more.
func TestAStreamComesAsItIsSaid(t *testing.T) {
	more := make(chan string)
	owner := newOwner(t, func(w http.ResponseWriter, _ *http.Request) {
		say(w, "")
		for text := range more {
			say(w, text)
		}
	})
	from := newEdge(t, owner).post("xhr_streaming", "").body
	for _, line := range []string{"h", "o", "a[1]", "a[" + strings.Repeat("x", 100_000) + "]"} {
		more <- line + "\n"
		expectLine(t, from, line)
	}
	more <- "a["
	close(more)
	if rest, err := io.ReadAll(from); err != nil || string(rest) != "a[" {
		t.Errorf("the end is %q, %v", rest, err)
	}
}

func TestAClientThatLeavesLetsTheOwnerGo(t *testing.T) {
	for _, action := range []string{"xhr_streaming", "xhr"} {
		t.Run(action, func(t *testing.T) {
			gone := make(chan struct{})
			owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
				say(w, "o\n")
				<-r.Context().Done()
				close(gone)
			})
			newEdge(t, owner).post(action, "").leave()
			expectDone(t, "the owner's request is over", gone)
		})
	}
}

func TestAResponseThatBreaksOffIsNotWhole(t *testing.T) {
	for _, action := range []string{"xhr_streaming", "xhr", "xhr_send"} {
		t.Run(action, func(t *testing.T) {
			die := make(chan struct{})
			owner := newOwner(t, func(w http.ResponseWriter, _ *http.Request) {
				say(w, "a[1]\n")
				<-die
				panic(http.ErrAbortHandler)
			})
			from := newEdge(t, owner).post(action, "").body
			expectLine(t, from, "a[1]")
			close(die)
			if rest, err := io.ReadAll(from); !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) > 0 {
				t.Errorf("it ends with %q, %v", rest, err)
			}
		})
	}
}

// A client that takes nothing is cut off after its time, and with it the owner's request.
func TestAClientThatReadsNothingIsCutOff(t *testing.T) {
	gone := make(chan struct{})
	owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		for r.Context().Err() == nil {
			say(w, strings.Repeat("x", 1<<16)+"\n")
		}
	})
	e := newEdge(t, owner, func(c *transport.PeersConfig) { c.WriteTimeout = 100 * time.Millisecond })
	e.post("xhr_streaming", "")
	expectDone(t, "the owner's request is over", gone)
}

// What the server allows an ordinary request does not hold for one that waits.
func TestAWaitOutlivesTheServersBounds(t *testing.T) {
	answer := make(chan struct{})
	owner := newOwner(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answer:
		case <-r.Context().Done():
			t.Error("the request is over before it is answered")
		}
		say(w, "h\n")
	})
	e := newEdge(t, owner)
	bounded := httptest.NewUnstartedServer(e.handler)
	bounded.Config.ReadTimeout, bounded.Config.WriteTimeout = 250*time.Millisecond, time.Nanosecond
	bounded.Start()
	t.Cleanup(bounded.Close)
	e.url = strings.Replace(e.url, e.base, bounded.URL, 1)
	after := time.AfterFunc(2*bounded.Config.ReadTimeout, func() { close(answer) })
	defer after.Stop()
	if got := e.answer("xhr", ""); got != "200 OK h\n" {
		t.Errorf("got %q", got)
	}
}

func TestConnectionsToAnOwnerAreKept(t *testing.T) {
	var connections atomic.Int32
	owner := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	owner.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	owner.Start()
	t.Cleanup(owner.Close)
	e := newEdge(t, owner.URL)
	for range 20 {
		if got := e.answer("xhr_send", `["x"]`); got != "204 No Content " {
			t.Fatalf("got %q", got)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}

func TestOwnersAreAskedOverTLS(t *testing.T) {
	certs, others := relaytest.NewCerts(t), relaytest.NewCerts(t)
	owner := serveTLS(t, certs, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, "h\n") }))
	trusting := func(certs *relaytest.Certs) func(*transport.PeersConfig) {
		return func(c *transport.PeersConfig) { c.RootCAs = func() *x509.CertPool { return certs.Pool } }
	}
	if got := newEdge(t, owner, trusting(certs)).answer("xhr", ""); got != "200 OK h\n" {
		t.Errorf("got %q", got)
	}
	e := newEdge(t, owner, trusting(others))
	if got := e.answer("xhr", ""); got != "404 Not Found 404 page not found\n" {
		t.Errorf("by another authority: got %q", got)
	}
	e.counted("failed", 1)
}

// The authority of the nodes is replaced while they run.
func TestOwnersAreKnownByTheAuthoritiesOfNow(t *testing.T) {
	certs, others := relaytest.NewCerts(t), relaytest.NewCerts(t)
	owner := serveTLS(t, certs, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, "h\n") }))
	var authorities atomic.Pointer[x509.CertPool]
	authorities.Store(others.Pool)
	e := newEdge(t, owner, func(c *transport.PeersConfig) { c.RootCAs = authorities.Load })
	const refused = "404 Not Found 404 page not found\n"
	for _, step := range []struct {
		pool *x509.CertPool
		want string
	}{{others.Pool, refused}, {certs.Pool, "200 OK h\n"}, {others.Pool, refused}} {
		authorities.Store(step.pool)
		if got := e.answer("xhr", ""); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}

func TestARequestThatWasSentOnGoesNoFurther(t *testing.T) {
	owner := newOwner(t, func(http.ResponseWriter, *http.Request) { t.Error("the owner is asked") })
	e := newEdge(t, owner)
	for _, said := range []string{"", "x", auth.NewCluster("secret").SignForward("POST", "/app/key/1/aaaaaaaa/xhr", nil, time.Now())} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+"xhr", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(forwardedBy, said)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %s", said, response.Status)
		}
	}
}

func TestWhoSendsRequestsOnIsANode(t *testing.T) {
	now := time.Now()
	cluster := auth.NewCluster("secret")
	const uri = "/app/key/1/aaaaaaaa/xhr_send?t=1"
	sign := func(c *auth.Cluster, uri, body string, at time.Time) string {
		return c.SignForward(http.MethodPost, uri, []byte(body), at)
	}
	for name, test := range map[string]struct {
		said       []string
		yes, fails bool
	}{
		"a client's":            {},
		"a node's":              {[]string{sign(cluster, uri, "body", now)}, true, false},
		"a slow node's":         {[]string{sign(cluster, uri, "body", now.Add(-50*time.Second))}, true, false},
		"too old for the clock": {[]string{sign(cluster, uri, "body", now.Add(-61*time.Second))}, false, true},
		"too new for the clock": {[]string{sign(cluster, uri, "body", now.Add(70*time.Second))}, false, true},
		"another secret":        {[]string{sign(auth.NewCluster("x"), uri, "body", now)}, false, true},
		"another URI":           {[]string{sign(cluster, uri+"2", "body", now)}, false, true},
		"another body":          {[]string{sign(cluster, uri, "", now)}, false, true},
		"a word":                {[]string{"yes"}, false, true},
		"an empty header":       {[]string{""}, false, true},
		"two":                   {[]string{sign(cluster, uri, "body", now), sign(cluster, uri, "body", now)}, false, true},
	} {
		var log strings.Builder
		peers := transport.NewPeers(transport.PeersConfig{Cluster: cluster, Log: slog.New(slog.NewTextHandler(&log, nil))})
		r := httptest.NewRequest(http.MethodPost, uri, http.NoBody)
		r.Header[forwardedBy] = test.said
		if yes, err := peers.Forwarded(r, []byte("body")); yes != test.yes || (err != nil) != test.fails {
			t.Errorf("%s: %v, %v", name, yes, err)
		}
		// Only a node's can be too old: that its clock is wrong must be seen.
		if told := log.Len() > 0; told != strings.HasSuffix(name, "for the clock") {
			t.Errorf("%s: logged is %q", name, log.String())
		}
	}
}
