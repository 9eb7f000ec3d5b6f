package main_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// preludeLine begins every streaming response.
var preludeLine = strings.Repeat("h", 2048) + "\n"

// fallbacks are both kinds of the HTTP fallback.
var fallbacks = map[string]relaytest.XHROptions{"streaming": {}, "polling": {Polling: true}}

// sessionPath is a path of a session: action is xhr_streaming, xhr or xhr_send.
func sessionPath(key, session, action string) string {
	return "/pusher/app/" + key + "/" + session + "/" + action
}

// answered is what a request was answered. What is left of Body ends with the test.
type answered struct {
	Status        string
	StatusCode    int
	Header        http.Header
	ContentLength int64
	Body          io.ReadCloser
}

// ask sends a request with headers, as name, value, name, value.
func (w world) ask(t *testing.T, method, path, body string, headers ...string) *answered {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	if w.Certs != nil {
		transport.TLSClientConfig = w.Certs.Client()
	}
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return &answered{response.Status, response.StatusCode, response.Header, response.ContentLength, response.Body}
}

// wholeBody reads a response to its end.
func wholeBody(t *testing.T, response *answered) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading an answer: %v after %q", err, body)
	}
	return string(body)
}

// nextLine reads the next line of a response that may stay open.
func nextLine(t *testing.T, body *bufio.Reader) string {
	t.Helper()
	line, err := body.ReadString('\n')
	if err != nil {
		t.Fatalf("reading a line: %v after %q", err, line)
	}
	return line
}

// expectShared fails the test unless pages of any origin may read an answer, with
// credentials or without (protocol.md 6.2).
func expectShared(t *testing.T, header http.Header, origin string) {
	t.Helper()
	want, credentials := origin, "true"
	if origin == "" {
		want, credentials = "*", ""
	}
	if got := header.Get("Access-Control-Allow-Origin"); got != want {
		t.Errorf("Access-Control-Allow-Origin is %q, want %q", got, want)
	}
	if got := header.Get("Access-Control-Allow-Credentials"); got != credentials {
		t.Errorf("Access-Control-Allow-Credentials is %q, want %q", got, credentials)
	}
	if got := header.Values("Vary"); !strings.Contains(strings.Join(got, ","), "Origin") {
		t.Errorf("Vary is %q", got)
	}
}

// leaving returns a function that waits until the relay has noticed that a client's
// connection was cut: it has fewer goroutines than now.
func (w world) leaving(t *testing.T) func() {
	t.Helper()
	before := w.Metric("go_goroutines")
	return func() {
		t.Helper()
		w.ExpectMetric("go_goroutines", "falls", func(n float64) bool { return n < before })
	}
}
