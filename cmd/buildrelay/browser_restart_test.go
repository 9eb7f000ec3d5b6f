package main_test

import (
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// recordConnection notes every connection state that the page shows.
const recordConnection = `(() => {
	const element = document.querySelector('[data-connection]');
	window.connections = [element.dataset.connection];
	new MutationObserver(() => window.connections.push(element.dataset.connection))
		.observe(element, { attributeFilter: ['data-connection'] });
	return true;
})()`

// What is published while the relay is away reaches no browser. The page must
// notice, come back by itself, and show all of it nevertheless.
func showsACompleteLogThoughTheRelayIsRestarted(t *testing.T, browser *browser) {
	server := relaytest.StartRedis(t)
	w := world{relaytest.StartRelayTLS(t, browser.certs, with(server, nil)), server}
	script := newScriptedBuild(t,
		numberedPart(1, 60, part{}),
		numberedPart(61, 120, same("printed while the relay was away")),
		numberedPart(122, 180, same("printed after the relay came back")),
	)
	b := browser.startBeside(t, w, script.dir, script.command()...)
	p := browser.open(t, b, "/#/builds/1")
	p.expected = aboutConnections

	p.shows(`[data-line="60"] .text`, "60 compiling")
	p.sees(`[data-connection=live]`)
	evaluate[bool](p, recordConnection)
	w.Stop()
	p.until(`window.connections.includes('reconnecting')`)
	script.goOn()
	b.eventually("the build has printed its second part", func() bool {
		return strings.Contains(b.output(1), "while the relay was away")
	})
	w.Restart()
	p.sees(`[data-connection=live]`)
	p.shows(`[data-line="121"] .text`, "printed while the relay was away")

	script.goOn()
	p.sees(`.build-page[data-status=passed][data-complete=true]`)
	p.expectLog(script.shown())
	if now := evaluate[string](p, `window.connections.at(-1)`); now != "live" {
		t.Errorf("in the end the connection is %s", now)
	}

	p.click(`a.back`)
	p.sees(`[data-build="1"][data-status=passed]`)
	p.sees(`[data-build="2"][data-status=running]`)
	script.goOn()
	p.shows(`[data-build="2"]`, "printed while the relay was away")
	script.goOn()
	p.sees(`[data-build="2"][data-status=passed]`)
}

// aboutConnections accepts that Chromium and pusher-js tell of connections that
// failed or were cut.
func aboutConnections(complaint string) bool {
	return strings.HasPrefix(complaint, "network error: WebSocket connection to ") ||
		strings.Contains(complaint, "WebSocketError")
}
