package main_test

import (
	"fmt"
	"testing"
	"time"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// oddLog is a log of odd lines that grows.
type oddLog struct {
	t       *testing.T
	w       world
	channel string
	all     oddLines
	grown   int
}

// grow appends the next n lines.
func (l *oddLog) grow(n int) {
	l.t.Helper()
	const block = 500
	for end := l.grown + n; l.grown < end; {
		pipe := l.w.redis.Client().Pipeline()
		for range min(block, end-l.grown) {
			pipe.Eval(l.t.Context(), broker.AppendScript(), []string{l.key()}, "line", l.all.data(l.t, l.grown), "", "")
			l.grown++
		}
		if _, err := pipe.Exec(l.t.Context()); err != nil {
			l.t.Fatalf("appending lines: %v", err)
		}
	}
}

func (l *oddLog) key() string { return fmt.Sprintf("buildrelay:{%s:%s}", relaytest.AppID, l.channel) }

// end closes the log.
func (l *oddLog) end() {
	l.t.Helper()
	options := fmt.Sprintf(`{"final":{"lines":%d,"bytes":null}}`, l.grown)
	if err := l.w.redis.Client().Eval(l.t.Context(), broker.AppendScript(), []string{l.key()}, "end", "{}", "", options).Err(); err != nil {
		l.t.Fatalf("closing the log: %v", err)
	}
}

// longWay is pages that resume, each with one transport, behind a proxy and a link that can
// fail.
type longWay struct {
	t     *testing.T
	w     world
	log   *oddLog
	link  *faults.HoleLink
	proxy *relaytest.HTTPProxy
	pages []*xhrPage
}

// Whatever happens on the way, a page that resumes is given every line once, and proves it.
// A connection that was cut costs pusher-js one of streaming's two lives (protocol.md 6.4),
// and one that was closed or fell silent none. One that asks for its next response of a
// relay that has gone costs a life, too: so the relay is killed once, while pages read, and
// stopped while they wait.
func TestResumedPagesReadEveryLineOnceOverHTTP(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "replay=none events=25000 bytes=64MiB")
	l := &longWay{t: t, w: w, log: &oddLog{t: t, w: w, channel: "private-build-7", all: newOddLines(20_000)}}
	l.proxy = relaytest.StartHTTPProxy(t, w.Relay, relaytest.HTTPProxyHabits{})
	l.link = faults.StartHoleLink(t, l.proxy.Address())
	l.log.grow(4000)
	l.open()
	l.log.grow(2000)
	l.await()
	l.goOffline()
	l.log.grow(3000)
	l.await()
	l.without(w.Stop)
	l.log.grow(3000)
	l.without(w.Kill)
	l.log.grow(2000)
	l.await()
	l.expectAll()
}

// open starts the pages.
func (l *longWay) open() {
	l.t.Helper()
	options := relaytest.PusherJSOptions{
		Build: "web", Via: l.link.Address(), Terse: true, Patience: 4 * time.Minute, // more than a page that heard no end waits before it asks
		Constructor: map[string]any{"pongTimeout": 5000},
		Resume:      map[string]any{"rewind": map[string]any{"from": "start"}},
	}
	versions := []string{"8.6.0"}
	if relaytest.Full() {
		versions = relaytest.ResumableVersions()
	}
	for _, transport := range httpTransports() {
		for _, version := range versions {
			l.pages = append(l.pages, startXHR(l.t, l.w, version, transport, options))
		}
		if relaytest.Full() {
			for _, echo := range relaytest.EchoVersions() {
				options := options
				options.Echo = echo
				l.pages = append(l.pages, startXHR(l.t, l.w, "8.6.0", transport, options))
			}
		}
	}
	for _, page := range l.pages {
		page.connected(l.t)
		page.Subscribe(l.log.channel)
		page.ExpectSubscribed(l.log.channel)
	}
}

// await waits until all pages have all lines so far.
func (l *longWay) await() {
	l.t.Helper()
	for _, page := range l.pages {
		awaitLine(l.t, page.PusherJS, l.log.grown-1)
	}
}

// goOffline takes the network away, which no connection is told of, for as long as pages
// take to see that, or a minute.
func (l *longWay) goOffline() {
	l.t.Helper()
	l.link.Swallow()
	for _, page := range l.pages {
		page.Offline()
	}
	l.log.grow(4000)
	for _, page := range l.pages {
		page.ExpectState("connecting")
	}
	if relaytest.Full() {
		<-time.After(time.Minute)
	}
	l.link.Repair()
	for _, page := range l.pages {
		page.Online()
		page.ExpectState("connected")
	}
	l.await()
}

// without ends the relay, and starts it when all pages have seen that. A page
// that has tried in vain tries again after 15 s or more; to save the time it is told that
// its network is back.
func (l *longWay) without(end func()) {
	l.t.Helper()
	end()
	l.log.grow(1000)
	for _, page := range l.pages {
		page.ExpectState("connecting")
	}
	l.w.Restart()
	for _, page := range l.pages {
		if !relaytest.Full() {
			page.Online()
		}
		page.ExpectState("connected")
	}
	l.await()
}

// expectAll closes the log and looks at what the pages have.
func (l *longWay) expectAll() {
	l.t.Helper()
	if l.log.grown != len(l.log.all) {
		l.t.Fatalf("the log has %d lines, want %d", l.log.grown, len(l.log.all))
	}
	l.log.end()
	for _, page := range l.pages {
		log := page.ExpectTold("complete")
		if !log.Complete || log.Final == nil || log.Final.Entries != int64(l.log.grown+1) || len(log.Gaps) > 0 {
			l.t.Errorf("the log of %s is %+v", page.name(), log)
		}
		l.log.all.expect(l.t, page.PusherJS)
	}
	for _, action := range []string{"xhr_streaming", "xhr"} {
		if n := l.proxy.Rotations(action); n < 3 {
			l.t.Errorf("a session asked again for %s %d times: that says nothing", action, n)
		}
	}
}
