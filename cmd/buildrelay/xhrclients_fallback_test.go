package main_test

import (
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// blocked are proxies that let no WebSockets through, and what pusher-js makes of them.
var blocked = []struct {
	name      string
	habits    relaytest.HTTPProxyHabits
	transport string
}{
	{"refused with 400", relaytest.HTTPProxyHabits{RefuseUpgrades: 400}, "xhr_streaming"},
	{"refused with 403", relaytest.HTTPProxyHabits{RefuseUpgrades: 403}, "xhr_streaming"},
	{"refused with 502", relaytest.HTTPProxyHabits{RefuseUpgrades: 502}, "xhr_streaming"},
	{"ignored", relaytest.HTTPProxyHabits{IgnoreUpgrades: true}, "xhr_streaming"},
	{"swallowed", relaytest.HTTPProxyHabits{SwallowFrames: true}, "xhr_streaming"},
	{"refused, streams held", relaytest.HTTPProxyHabits{RefuseUpgrades: 403, HoldStreams: true}, "xhr_polling"},
	{"swallowed, streams held", relaytest.HTTPProxyHabits{SwallowFrames: true, HoldStreams: true}, "xhr_polling"},
	{"good", relaytest.HTTPProxyHabits{}, "ws"},
}

// pusher-js has all its transports, and waits for each as long as it does: so all are
// started first.
func TestPusherJSFallsBackByItself(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		versions := []string{"8.6.0"}
		if relaytest.Full() {
			versions = relaytest.PusherJSVersions()
		}
		for _, version := range versions {
			fallBack(t, w, version)
		}
	})
}

func fallBack(t *testing.T, w world, version string) {
	t.Helper()
	pages := make([]*relaytest.PusherJS, len(blocked))
	proxies := make([]*relaytest.HTTPProxy, len(blocked))
	for i, b := range blocked {
		proxies[i] = relaytest.StartHTTPProxy(t, w.Relay, b.habits)
		pages[i] = relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{
			Build: buildOf(version), Via: proxies[i].Address(), Transports: relaytest.AllTransports(),
		})
	}
	for i, page := range pages {
		t.Log(version, blocked[i].name)
		if got := page.ExpectState("connected"); got.Transport != blocked[i].transport {
			t.Errorf("the page is connected by %s, want %s", got.Transport, blocked[i].transport)
		}
		page.Subscribe("private-build-7")
		page.ExpectSubscribed("private-build-7")
	}
	w.publish("line", `"é"`, "private-build-7")
	for i, page := range pages {
		page.ExpectEvent("private-build-7", "line")
		expectOnlyOurs(t, page, proxies[i])
		page.Disconnect()
		page.ExpectState("disconnected")
	}
}

// expectOnlyOurs fails the test if a page has asked anybody but its proxy, and the
// endpoint that signs, which is on this machine, too.
func expectOnlyOurs(t *testing.T, page *relaytest.PusherJS, proxy *relaytest.HTTPProxy) {
	t.Helper()
	dialed := page.Dialed()
	if !slices.Contains(dialed, proxy.Address()) {
		t.Errorf("the page has dialed %s, and not %s", dialed, proxy.Address())
	}
	var hosts []string
	for _, address := range dialed {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			t.Errorf("the page has dialed %s: %v", address, err)
		}
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	if diff := cmp.Diff([]string{"127.0.0.1"}, slices.Compact(hosts)); diff != "" {
		t.Errorf("hosts that the page has dialed (- wanted, + got):\n%s", diff)
	}
}
