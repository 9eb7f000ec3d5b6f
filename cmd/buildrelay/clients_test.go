package main_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// buildOf is the build of a version that is tested: the first ones have none for
// Node.
func buildOf(version string) string {
	if version == "3.0.0" {
		return "web"
	}
	return "node"
}

func TestPusherJSSeesABuild(t *testing.T) {
	t.Parallel()
	for _, version := range relaytest.PusherJSVersions() {
		t.Run(version, func(t *testing.T) {
			plainAndTLS(t, nil, func(t *testing.T, w world) { seeBuild(t, w, version) })
		})
	}
}

// seeBuild is the life of a page: it connects, subscribes, gets events from both
// sides, and goes.
func seeBuild(t *testing.T, w world, version string) {
	page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{Build: buildOf(version)})
	id := page.ExpectState("connected").SocketID
	for _, channel := range []string{"news", "private-build-7"} {
		page.Subscribe(channel)
		page.ExpectSubscribed(channel)
	}
	w.tell(t, "private-build-7", `{"event":"build:output","data":{"seq":1,"text":"<&>é\u001b[0m"}}`)
	if got := page.ExpectEvent("private-build-7", "build:output"); string(got.Data) != `{"seq":1,"text":"<&>é\u001b[0m"}` {
		t.Errorf("the page got %s", got.Data)
	}
	w.Publish(relaytest.Trigger{Event: "own", Data: "1", Channels: []string{"news"}, SocketID: id})
	w.publish("others", "2", "news")
	page.ExpectEvent("news", "others")
	if slices.ContainsFunc(page.Said(), func(s relaytest.Said) bool { return s.Event == "own" }) {
		t.Error("the page got the event that it is excluded from")
	}

	page.Unsubscribe("news")
	w.Eventually("the channel is left", func() bool { return !w.occupied("news") })
	page.Disconnect()
	page.ExpectState("disconnected")
	if diff := cmp.Diff([]string{"connecting", "connected", "disconnected"}, page.States()); diff != "" {
		t.Errorf("states (- wanted, + got):\n%s", diff)
	}
	w.expectGone()
}

func TestPusherJSWithABadKeyTriesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_PING_AFTER": "3s"})
	versions := relaytest.PusherJSVersions()
	refused := w.counting(`buildrelay_connections_refused_total{code="4001"}`)
	for _, version := range versions {
		page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{Build: buildOf(version), Key: "nokey"})
		if got := page.ExpectError(); got.Code == nil || *got.Code != 4001 {
			t.Errorf("%s was told %+v, want 4001", version, got)
		}
		page.Expect("the end", func(s relaytest.Said) bool {
			return s.Type == "state" && (s.Current == "disconnected" || s.Current == "failed")
		})
	}
	// Who tries again does so after a second; the ping comes after three.
	w.Connect().AwaitPing()
	refused(t, len(versions))
}

func TestPusherJSSurvivesARefusedSubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, version := range relaytest.PusherJSVersions() {
		w.run(t, version, func(t *testing.T, w world) {
			page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{Build: buildOf(version)})
			page.ExpectState("connected")
			page.Send("", "pusher:subscribe", map[string]string{
				"channel": "private-x", "auth": relaytest.Key + ":" + strings.Repeat("0", 64),
			})
			if got := page.ExpectError(); got.Code != nil || !strings.HasPrefix(got.Message, "Invalid signature") {
				t.Errorf("the page was told %+v", got)
			}
			page.Subscribe("private-x")
			page.ExpectSubscribed("private-x")
		})
	}
}

// The builds for browsers are taken: those for Node see no clean close before 8.2
// and give up after two. All versions live through the same restarts, since some
// wait for 15 s when they come too early.
func TestPusherJSComesBackToARelayThatRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	pages := make(map[string]*relaytest.PusherJS)
	for _, version := range relaytest.PusherJSVersions() {
		page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{Build: "web"})
		page.ExpectState("connected")
		page.Subscribe("private-build-7")
		page.ExpectSubscribed("private-build-7")
		pages[version] = page
	}
	for round := range 3 {
		w.Restart()
		for version, page := range pages {
			t.Log(version, "after restart", round+1)
			page.ExpectState("connected")
			page.ExpectSubscribed("private-build-7")
		}
		w.publish("round", strconv.Itoa(round), "private-build-7")
		for _, page := range pages {
			page.ExpectEvent("private-build-7", "round")
		}
	}
}
