package relaytest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// fallback is a server whose every receive response is the next of its script, and which
// keeps the last one open. What is asked for and sent is told on asked.
type fallback struct {
	url    string
	asked  chan string
	script chan string
	turn   sync.Mutex // of who asks
}

const prelude = "h{2048}\n"

func newFallback(t *testing.T, script ...string) *fallback {
	t.Helper()
	f := &fallback{asked: make(chan string, 100), script: make(chan string, len(script))}
	for _, response := range script {
		f.script <- strings.ReplaceAll(response, prelude, strings.Repeat("h", 2048)+"\n")
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL + "/pusher/app/key"
	return f
}

var cacheBuster = regexp.MustCompile(`t=\d{13}&n=`)

func (f *fallback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	url := cacheBuster.ReplaceAllString(strings.TrimPrefix(r.URL.RequestURI(), "/pusher/app/key/"), "t=T&n=")
	asked := fmt.Sprintf("%s %s %s", r.Method, url, body)
	if strings.Contains(r.URL.Path, "xhr_send") {
		f.asked <- asked
		w.WriteHeader(http.StatusNoContent)
		return
	}
	response := f.next(asked)
	if status, rest, found := strings.Cut(response, "!"); found {
		var code int
		_, _ = fmt.Sscan(status, &code)
		w.WriteHeader(code)
		response = rest
	}
	_, _ = io.WriteString(w, strings.TrimSuffix(response, "…"))
	_ = http.NewResponseController(w).Flush()
	if strings.HasSuffix(response, "…") {
		<-r.Context().Done()
	}
}

// next tells what was asked for and returns its response: who asks first gets the first.
func (f *fallback) next(asked string) string {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.asked <- asked
	return <-f.script
}

func (f *fallback) expectAsked(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for range want {
		got = append(got, <-f.asked)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked (- wanted, + got):\n%s", diff)
	}
}

func TestXHRClientStreams(t *testing.T) {
	t.Parallel()
	f := newFallback(t, prelude+"o\n"+`a["{\"event\":\"a\",\"data\":\"1\"}","{\"event\":\"b\"}"]`+"\nh\na[]\n"+`m"{\"event\":\"c\"}"`+"\n"+`c[4200,"gone"]`+"\n…")
	c := relaytest.DialXHR(t, f.url, relaytest.XHROptions{Session: "7/0123abcv"})
	f.expectAsked(t, "POST 7/0123abcv/xhr_streaming?protocol=7&client=js&version=8.6.0&t=T&n=1 ")
	if got := c.Expect("a").DataString(t); got != "1" {
		t.Errorf("data is %q", got)
	}
	c.Expect("b")
	c.AwaitHeartbeat()
	f.expectAsked(t, "POST 7/0123abcv/xhr_send?t=T&n=2 []")
	c.Expect("c")
	c.ExpectClose(4200)
	c.Cut()
	if got := c.Responses(); len(got) != 1 || !got[0].Opened || got[0].Frames != 6 || got[0].Status != 200 {
		t.Errorf("responses are %+v", got)
	}
}

func TestXHRClientPolls(t *testing.T) {
	t.Parallel()
	f := newFallback(t, "o\n", `a["{\"event\":\"a\"}"]`+"\n", "h\n", `a["{\"event\":\"b\"}"]`+"\n", "…")
	c := relaytest.DialXHR(t, f.url, relaytest.XHROptions{Session: "7/0123abcv", Polling: true, Query: "protocol=7"})
	c.Expect("a")
	c.Expect("b")
	for n := range 5 {
		f.expectAsked(t, fmt.Sprintf("POST 7/0123abcv/xhr?protocol=7&t=T&n=%d ", n+1)) // and no answer to h
	}
}

// The response is long in units that are not bytes, and not before its last line.
func TestXHRClientAsksAgainWhenAResponseIsTooLong(t *testing.T) {
	t.Parallel()
	long := `a["{\"event\":\"long\",\"data\":\"` + strings.Repeat("é😀", (262_144-2049-2-36)/3) + `\"}"]` + "\n"
	f := newFallback(t, prelude+"o\n"+long+`a["{\"event\":\"last\"}"]`+"\n…", prelude+`a["{\"event\":\"next\"}"]`+"\n…")
	c := relaytest.DialXHR(t, f.url, relaytest.XHROptions{Session: "7/0123abcv"})
	c.Expect("long")
	c.Expect("last")
	c.Expect("next")
	got := c.Responses()
	if len(got) != 2 || got[1].Opened || got[1].Frames != 1 || got[0].Units < 262_145 || got[0].Units > 262_200 {
		t.Errorf("responses are %+v", got)
	}
	f.expectAsked(t,
		"POST 7/0123abcv/xhr_streaming?protocol=7&client=js&version=8.6.0&t=T&n=1 ",
		"POST 7/0123abcv/xhr_streaming?protocol=7&client=js&version=8.6.0&t=T&n=2 ",
		"POST 7/0123abcv/xhr_send?t=T&n=3 []", // the answer to the prelude
	)
}

func TestXHRClientFailsWherePusherJSDoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		response, kind, text string
		polling              bool
	}{
		"an empty line":       {prelude + "o\n\n…", "garbage", "no frame", false},
		"an object":           {prelude + "o\na[{}]\n…", "garbage", "cannot unmarshal object", false},
		"null":                {prelude + "o\na[null]\n…", "garbage", "no string", false},
		"a second o":          {prelude + "o\no\n…", "garbage", "lost session", false},
		"c before o":          {prelude + `c[4001,"x"]` + "\n…", "garbage", "before o", false},
		"a before o":          {prelude + `a[]` + "\n…", "garbage", "before o", false},
		"a short prelude":     {"hhh\n…", "garbage", "another prelude", false},
		"a prelude of a poll": {prelude + "…", "garbage", "before o", true},
		"an unknown frame":    {prelude + "o\nx\n…", "garbage", "no frame", false},
		"bad UTF-8":           {prelude + "o\na[\"\xff\"]\n…", "garbage", "no UTF-8", false},
		"a line without end":  {"o\na[", "garbage", "without an end", true},
		"an end":              {prelude + "o\n", "cut", "OK", false},
		"an end of a poll":    {"404!o\n", "cut", "Not Found", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := relaytest.DialXHR(t, newFallback(t, test.response).url, relaytest.XHROptions{Polling: test.polling})
			if r := c.Next(); r.Kind != test.kind || !strings.Contains(r.Text, test.text) {
				t.Errorf("got %s", r)
			}
		})
	}
}

func TestXHRClientIsHeardByOneRequestOnly(t *testing.T) {
	t.Parallel()
	f := newFallback(t, prelude+"o\n…", prelude+`a["{\"event\":\"a\"}"]`+"\n…", prelude+`a["{\"event\":\"b\"}"]`+"\n…")
	c := relaytest.DialXHR(t, f.url, relaytest.XHROptions{Deaf: true})
	<-f.asked
	c.Again()
	c.Hear()
	if r := c.Next(); r.Kind != "garbage" { // o was on the first
		t.Errorf("got %s", r)
	}
}
