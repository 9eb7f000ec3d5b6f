package main_test

import (
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

// logWorld is a world with log channels by rules.
type logWorld struct {
	world
	rules string
}

// startLogRelay starts a relay and its Redis; builds are log channels by the rule.
func (b *browser) startLogRelay(t *testing.T, rule string) logWorld {
	t.Helper()
	server := relaytest.StartRedis(t)
	rules := "private-build-* " + rule
	relay := relaytest.StartRelayTLS(t, b.certs, with(server, map[string]string{"RELAY_LOG_RULES": rules}))
	return logWorld{world{relay, server}, rules}
}

// What is published while the relay is away reaches no browser. The page must
// notice, come back by itself, and show all of it nevertheless.
func showsACompleteLogThoughTheRelayIsRestarted(t *testing.T, browser *browser) {
	w := browser.startLogRelay(t, "replay=all")
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
	b.printed(1, "printed while the relay was away")
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
