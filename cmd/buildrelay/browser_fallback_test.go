package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"buildrelay/relay/relaytest"
)

// withoutWebSockets is a browser whose pages have none.
const withoutWebSockets = `delete window.WebSocket`

// longBuild prints more than pusher-js takes in one response.
func longBuild(t *testing.T) *scriptedBuild {
	t.Helper()
	return newScriptedBuild(t, numberedPart(1, 6000, same("the middle")), numberedPart(6002, 12_000, same("the end")))
}

// fallsBackToStreaming shows the demo without WebSockets. The page is loaded anew in the
// middle of a long build, and the network goes away.
func fallsBackToStreaming(t *testing.T, b *browser) {
	script := longBuild(t)
	backend := b.startDemo(t, script.dir, script.command()...)
	p := b.openWith(t, backend, "/#/builds/1", withoutWebSockets)
	p.expected = aboutConnections
	p.hasLines(len(script.parts[0].shown))
	p.do("reloading", chromedp.Reload())
	p.hasLines(len(script.parts[0].shown))
	p.sees(`[data-connection=live]`)
	if streamed, polled := p.asked("xhr_streaming"), p.asked("xhr"); streamed < 4 || polled > 0 {
		t.Errorf("the page made %d requests that stream and %d that poll", streamed, polled)
	}
	p.network(false)
	p.sees(`[data-connection=offline]`)
	script.goOn()
	backend.passed(1)
	p.network(true)
	p.expectComplete(script)
}

// fallsBackToPolling has an nginx that holds back what streams.
func fallsBackToPolling(t *testing.T, b *browser) {
	script := longBuild(t)
	backend := b.startBehindNginx(t, script, "proxy_ignore_headers X-Accel-Buffering;")
	p := b.openWith(t, backend, "/#/builds/1", withoutWebSockets)
	p.expected = aboutConnections
	p.hasLines(len(script.parts[0].shown))
	p.do("reloading", chromedp.Reload())
	p.hasLines(len(script.parts[0].shown))
	script.goOn()
	p.expectComplete(script)
	if polled := p.asked("xhr"); polled < 5 {
		t.Errorf("the page made %d requests that poll", polled)
	}
}

// fallsBackWhenUpgradesAreRefused has WebSockets, and an nginx that does not know them.
func fallsBackWhenUpgradesAreRefused(t *testing.T, b *browser) {
	script := longBuild(t)
	backend := b.startBehindNginx(t, script, "")
	p := b.open(t, backend, "/#/builds/1")
	p.expected = aboutConnections
	p.hasLines(len(script.parts[0].shown))
	script.goOn()
	p.expectComplete(script)
	if streamed := p.asked("xhr_streaming"); streamed < 4 {
		t.Errorf("the page made %d requests that stream", streamed)
	}
}

// startBehindNginx runs a backend, and a relay behind an nginx with the browser's
// certificate: a location with a proxy_pass, and lines.
func (b *browser) startBehindNginx(t *testing.T, script *scriptedBuild, lines string) *ciBackend {
	t.Helper()
	w := b.startLogRelay(t, "replay=all")
	n := relaytest.StartNginx(t, func(address string) string {
		return fmt.Sprintf(`server {
	listen %s ssl http2;
	ssl_certificate %s;
	ssl_certificate_key %s;
	location / { proxy_pass %s; %s }
}`, address, b.certs.CertFile, b.certs.KeyFile, w.URL(), lines)
	})
	return b.startBehind(t, w, n.Address, script.dir, script.command()...)
}

// fallsBackWhenUpgradesAreNotAnswered and goes back when they are. It asks nobody else.
func fallsBackWhenUpgradesAreNotAnswered(t *testing.T, b *browser) {
	script := newScriptedBuild(t, numberedPart(1, 200, part{}), numberedPart(201, 400, part{}), numberedPart(401, 600, part{}))
	w := b.startLogRelay(t, "replay=all")
	box := startMiddlebox(t, b, w.Address, mute)
	backend := b.startBehind(t, w, box.address(), script.dir, script.command()...)
	visitor := b.watched(t)
	p := visitor.visit(t, backend.url+"/#/builds/1")
	p.sees(`[data-connection=live]`)
	p.hasLines(200)
	if box.count("xhr_streaming") == 0 {
		t.Error("the page did not stream")
	}
	script.goOn()
	p.hasLines(400)

	box.obey(open)
	box.carriesASocket(backend)
	p.sees(`[data-connection=live]`)
	sent := box.count("xhr_send")
	script.goOn()
	p.expectWhole(script)
	if now := box.count("xhr_send"); now > sent {
		t.Errorf("the page still sends by HTTP")
	}
	visitor.judge(t, false, hostOf(backend.url), box.address())
}

// afterAFallback is a browser in which pusher-js has often fallen back to streaming, so that
// for half an hour it begins with that.
const afterAFallback = `localStorage.pusherTransportTLS ??=
	JSON.stringify({ timestamp: Date.now(), transport: 'xhr_streaming', latency: 1000, cacheSkipCount: 9 })`

// goesBackToWebSockets though pusher-js does not try them any more.
func goesBackToWebSockets(t *testing.T, b *browser) {
	script := newScriptedBuild(t, numberedPart(1, 200, part{}), numberedPart(201, 400, part{}))
	w := b.startLogRelay(t, "replay=all")
	box := startMiddlebox(t, b, w.Address, open)
	backend := b.startBehind(t, w, box.address(), script.dir, script.command()...)
	p := b.openWith(t, backend, "/#/builds/1", afterAFallback)
	p.hasLines(200)
	if box.count("xhr_streaming") == 0 {
		t.Error("the page does not know of its fallback")
	}
	box.carriesASocket(backend)
	script.goOn()
	p.expectComplete(script)
}

// showsAWholeLogThroughAProxyThatCuts has a proxy that ends each answer after two seconds.
func showsAWholeLogThroughAProxyThatCuts(t *testing.T, b *browser) {
	manners := map[string]bool{"in the middle": false}
	if relaytest.Full() {
		manners["politely"] = true
	}
	for name, politely := range manners {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := newScriptedBuild(t, numberedPart(1, 1000, part{}), numberedPart(1001, 2000, part{}), numberedPart(2001, 3000, part{}))
			w := b.startLogRelay(t, "replay=all")
			box := startMiddlebox(t, b, w.Address, cutting(2*time.Second, politely))
			backend := b.startBehind(t, w, box.address(), script.dir, script.command()...)
			p := b.openWith(t, backend, "/#/builds/1", withoutWebSockets)
			p.expected = aboutProxies
			p.hasLines(1000)
			streamed := box.count("xhr_streaming")
			backend.eventually("the page has been cut and come back", func() bool { return box.count("xhr_streaming")+box.count("xhr") > streamed+1 })
			script.goOn()
			p.hasLines(2000)
			polled := box.count("xhr")
			backend.eventually("the page polls by now", func() bool { return box.count("xhr") > polled+1 })
			script.goOn()
			p.expectWhole(script)
		})
	}
}

// subscribesThoughAMessageIsLost loses the message by which the page subscribes to a
// channel: over HTTP nobody tells it.
func subscribesThoughAMessageIsLost(t *testing.T, b *browser) {
	script := newScriptedBuild(t, numberedPart(1, 200, part{}))
	w := b.startLogRelay(t, "replay=all")
	box := startMiddlebox(t, b, w.Address, forgetful(`private-build-1`))
	backend := b.startBehind(t, w, box.address(), script.dir, script.command()...)
	p := b.openWith(t, backend, "/#/builds/1", withoutWebSockets)
	p.expected = aboutProxies
	p.sees(`[data-connection=live]`)
	p.expectWhole(script)
}

// aboutConnections accepts that Chromium and pusher-js tell of connections that
// failed or were cut.
func aboutConnections(complaint string) bool {
	return strings.HasPrefix(complaint, "network error: WebSocket connection to ") ||
		strings.HasPrefix(complaint, "network warning: WebSocket connection to ") ||
		strings.HasPrefix(complaint, "network error: Failed to load resource: ") && strings.Contains(complaint, "/app/") ||
		strings.Contains(complaint, "WebSocketError")
}

// aboutProxies accepts, too, that no page may read what a proxy answers by itself.
func aboutProxies(complaint string) bool {
	return aboutConnections(complaint) || strings.HasPrefix(complaint, "javascript error: Access to XMLHttpRequest at ")
}
