package main_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// timeline is a proxy in front of a relay that notes what is answered, each as path, a
// space, and the body.
type timeline struct {
	server  *httptest.Server
	answers chan string
}

func startTimeline(t *testing.T, w world) *timeline {
	t.Helper()
	to, err := url.Parse(w.URL())
	if err != nil {
		t.Fatal(err)
	}
	line := &timeline{answers: make(chan string, 10)}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(response *http.Response) error {
		body, err := io.ReadAll(response.Body)
		response.Body = io.NopCloser(bytes.NewReader(body))
		line.answers <- response.Request.URL.Path + " " + string(body)
		return err
	}
	line.server = httptest.NewServer(proxy)
	t.Cleanup(line.server.Close)
	return line
}

// next waits for the next answer.
func (l *timeline) next(t *testing.T) string {
	t.Helper()
	select {
	case answer := <-l.answers:
		return answer
	case <-time.After(relaytest.Patience):
		t.Fatal("nobody told anything")
		return ""
	}
}

// Versions before 5.1 tell how connections went unless they are told not to. In Chromium
// TestBrowser has them.
func TestPusherJSTellsHowItsConnectionsWent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for version, option := range map[string]string{"3.2.4": "disableStats", "8.6.0": "enableStats"} {
		w.run(t, version, func(t *testing.T, w world) {
			line := startTimeline(t, w)
			host := strings.TrimPrefix(line.server.URL, "http://")
			page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{Constructor: map[string]any{
				"statsHost": host, option: option == "enableStats",
			}})
			page.ExpectState("connected")
			if got := line.next(t); got != "/timeline/v2/xhr/2 {}" {
				t.Errorf("got %q", got)
			}
			page.Disconnect()
			page.ExpectState("disconnected")
			for _, said := range page.Said() {
				if said.Type == "dialed" && !slices.Contains([]string{host, w.Address}, said.Address) {
					t.Errorf("the page asked %s", said.Address)
				}
			}
		})
	}
	for _, line := range w.Log() {
		if strings.Contains(line, "timeline") {
			t.Errorf("the relay keeps a log of it: %s", line)
		}
	}
}
