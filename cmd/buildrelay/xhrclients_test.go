package main_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// httpTransports are pusher-js' transports without WebSockets.
func httpTransports() []string { return []string{"xhr_streaming", "xhr_polling"} }

// overHTTP runs a subtest by each of them.
func overHTTP(t *testing.T, test func(t *testing.T, transport string)) {
	t.Helper()
	for _, transport := range httpTransports() {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			test(t, transport)
		})
	}
}

// xhrPage is a pusher-js that has nothing but one HTTP transport.
func xhrPage(t *testing.T, w world, version, transport string, o relaytest.PusherJSOptions) *relaytest.PusherJS {
	t.Helper()
	o.Transports = []string{transport}
	if o.Build == "" {
		o.Build = buildOf(version)
	}
	page := relaytest.StartPusherJS(t, version, w.Relay, o)
	if got := page.ExpectState("connected"); got.Transport != transport {
		t.Fatalf("the page has connected by %s", got.Transport)
	}
	return page
}

// Row 85 and what goes with it.
func TestPusherJSSeesABuildOverHTTP(t *testing.T) {
	t.Parallel()
	for _, version := range relaytest.PusherJSVersions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			overHTTP(t, func(t *testing.T, transport string) {
				plainAndTLS(t, nil, func(t *testing.T, w world) { seeBuildOverHTTP(t, w, version, transport) })
			})
		})
	}
}

// seeBuildOverHTTP is seeBuild for a page without WebSockets: that it has gone is known
// only when it asks for nothing any more.
func seeBuildOverHTTP(t *testing.T, w world, version, transport string) {
	page := xhrPage(t, w, version, transport, relaytest.PusherJSOptions{})
	for _, channel := range []string{"news", "private-build-7", "presence-room"} {
		page.Subscribe(channel)
		page.ExpectSubscribed(channel)
	}
	id := connectedAs(page)
	w.Publish(relaytest.Trigger{Event: "own", Data: "1", Channels: []string{"news"}, SocketID: id})
	w.publish("others", "2", "news")
	page.ExpectEvent("news", "others")
	for n := range 200 {
		w.tell(t, "private-build-7", `{"event":"line","data":"{\"n\":`+strconv.Itoa(n)+`,\"text\":\"<&>é\"}"}`)
	}
	page.Expect("the last line", func(s relaytest.Said) bool {
		return s.Type == "event" && s.Event == "line" && strings.HasPrefix(string(s.Data), `{"n":199,`)
	})
	expectNumbered(t, page, 200)
	page.Unsubscribe("news")
	w.Eventually("the channel is left", func() bool { return !w.occupied("news") })
	page.Disconnect()
	page.ExpectState("disconnected")
	if diff := cmp.Diff([]string{"connecting", "connected", "disconnected"}, page.States()); diff != "" {
		t.Errorf("states (- wanted, + got):\n%s", diff)
	}
	w.expectGone()
}

// connectedAs is the id of a page's last connection.
func connectedAs(page *relaytest.PusherJS) (id string) {
	for _, said := range page.Said() {
		if said.Current == "connected" {
			id = said.SocketID
		}
	}
	return id
}

// expectNumbered fails the test if the page was not given the lines from 0 to n, each
// once and in order, or if it was given an event that it is excluded from.
func expectNumbered(t *testing.T, page *relaytest.PusherJS, n int) {
	t.Helper()
	var want, got []int
	for i := range n {
		want = append(want, i)
	}
	for _, said := range page.Said() {
		switch {
		case said.Type == "event" && said.Event == "own":
			t.Error("the page got the event that it is excluded from")
		case said.Type == "event" && said.Event == "line":
			var line struct{ N int }
			if err := json.Unmarshal(said.Data, &line); err != nil {
				t.Fatalf("a line is %s: %v", said.Data, err)
			}
			got = append(got, line.N)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (- wanted, + got):\n%s", diff)
	}
}
