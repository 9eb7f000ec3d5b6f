package main_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// httpTransports are pusher-js' transports without WebSockets.
func httpTransports() []string { return []string{"xhr_streaming", "xhr_polling"} }

// xhrPage is a pusher-js that has nothing but one HTTP transport.
type xhrPage struct {
	*relaytest.PusherJS
	version, transport string
	socketID           string
}

// startXHR starts a page, and does not wait for its connection.
func startXHR(t *testing.T, w world, version, transport string, o relaytest.PusherJSOptions) *xhrPage {
	t.Helper()
	o.Transports = []string{transport}
	if o.Build == "" {
		o.Build = buildOf(version)
	}
	return &xhrPage{PusherJS: relaytest.StartPusherJS(t, version, w.Relay, o), version: version, transport: transport}
}

// connected waits for the connection.
func (p *xhrPage) connected(t *testing.T) *xhrPage {
	t.Helper()
	state := p.ExpectState("connected")
	if state.Transport != p.transport {
		t.Fatalf("%s is connected by %s", p.name(), state.Transport)
	}
	p.socketID = state.SocketID
	return p
}

// name is part of names that no other page has.
func (p *xhrPage) name() string { return p.version + "-" + p.transport }

// everyXHR starts a page of every version with each transport, and waits until all are
// connected. They share what takes long: that nobody asks for anything any more.
func everyXHR(t *testing.T, w world, o relaytest.PusherJSOptions) []*xhrPage {
	t.Helper()
	var pages []*xhrPage
	for _, version := range relaytest.PusherJSVersions() {
		for _, transport := range httpTransports() {
			pages = append(pages, startXHR(t, w, version, transport, o))
		}
	}
	for _, page := range pages {
		page.connected(t)
	}
	return pages
}

// Row 85 and what goes with it: the life of a page that has no WebSockets. That it has gone
// is known only when it asks for nothing any more.
func TestPusherJSSeesABuildOverHTTP(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		pages := everyXHR(t, w, relaytest.PusherJSOptions{})
		for _, page := range pages {
			for _, channel := range []string{"private-build-7", "presence-room", "news-" + page.name()} {
				page.Subscribe(channel)
				page.ExpectSubscribed(channel)
			}
			w.Publish(relaytest.Trigger{Event: "own", Data: "1", Channels: []string{"news-" + page.name()}, SocketID: page.socketID})
			w.publish("others", "2", "news-"+page.name())
		}
		for n := range 200 {
			w.tell(t, "private-build-7", `{"event":"line","data":"{\"n\":`+strconv.Itoa(n)+`,\"text\":\"<&>é\"}"}`)
		}
		for _, page := range pages {
			page.ExpectEvent("news-"+page.name(), "others")
			awaitLine(t, page.PusherJS, 199)
			expectNumbered(t, page, 200)
		}
		leaveOverHTTP(t, w, pages)
	})
}

// leaveOverHTTP has the pages leave a channel, and go.
func leaveOverHTTP(t *testing.T, w world, pages []*xhrPage) {
	t.Helper()
	for _, page := range pages {
		page.Unsubscribe("news-" + page.name())
	}
	for _, page := range pages {
		w.Eventually("the channel is left", func() bool { return !w.occupied("news-" + page.name()) })
		page.Disconnect()
		page.ExpectState("disconnected")
		if diff := cmp.Diff([]string{"connecting", "connected", "disconnected"}, page.States()); diff != "" {
			t.Errorf("states of %s (- wanted, + got):\n%s", page.name(), diff)
		}
	}
	w.expectGone()
}

// expectNumbered fails the test if the page was not given the lines from 0 to n, each
// once and in order, or if it was given an event that it is excluded from.
func expectNumbered(t *testing.T, page *xhrPage, n int) {
	t.Helper()
	var want, got []int
	for i := range n {
		want = append(want, i)
	}
	for _, said := range page.Said() {
		switch {
		case said.Type == "event" && said.Event == "own":
			t.Errorf("%s got the event that it is excluded from", page.name())
		case said.Type == "event" && said.Event == "line":
			got = append(got, lineOf(t, said).N)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines of %s (- wanted, + got):\n%s", page.name(), diff)
	}
}
