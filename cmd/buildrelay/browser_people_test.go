package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"buildrelay/relay/relaytest"
)

// othersShown is the names of those who watch besides the reader, undefined where the page
// shows nobody at all.
const othersShown = `document.querySelector('.people:not([hidden])') ?
	[...document.querySelectorAll('.people-one[data-leaving=false] .unseen')].map((name) => name.textContent).sort() : undefined`

// watchesWith waits until the page shows that the reader watches with these, and nobody
// else.
func (p *page) watchesWith(names ...string) {
	p.t.Helper()
	sorted := append([]string{}, names...)
	slices.Sort(sorted)
	want, err := json.Marshal(sorted)
	if err != nil {
		p.t.Fatal(err)
	}
	p.until(fmt.Sprintf("JSON.stringify(%s) === JSON.stringify(%s)", othersShown, want))
}

// myName is what the page calls the reader.
func (p *page) myName() string {
	p.t.Helper()
	p.sees(`.people:not([hidden])`)
	return evaluate[string](p, `document.querySelector('.people-me .people-name').textContent`)
}

// rename takes another name as a person does.
func (p *page) rename(name string) {
	p.t.Helper()
	p.click(`.people-me`)
	p.until(`document.activeElement === document.querySelector('.people-field')`)
	p.press(name + kb.Enter)
	p.sees(`.people-card[hidden]`)
	if got := p.myName(); got != name {
		p.t.Errorf("the reader is called %q, want %q", got, name)
	}
}

// Two people on two nodes see each other come and go, by name.
func showsWhoWatches(t *testing.T, browser *browser) {
	w := browser.startLogRelay(t, "replay=all")
	second := world{relaytest.StartRelayTLS(t, browser.certs, with(w.redis, map[string]string{"RELAY_LOG_RULES": w.rules})), w.redis}
	nodes := startJunction(t)
	script := newScriptedBuild(t, numberedPart(1, 60, part{}), numberedPart(61, 120, part{}))
	b := browser.startBehind(t, w, nodes.address(), script.dir, script.command()...)

	nodes.lead(w.Address)
	anns := browser.open(t, b, "/#/builds/1")
	anns.watchesWith()
	ann := anns.myName()
	nodes.lead(second.Address)
	hers := browser.another(t)
	bobs := hers.open(t, b, "/#/builds/1")
	bob := bobs.myName()
	bobs.watchesWith(ann)
	anns.watchesWith(bob)
	for _, node := range []world{w.world, second} {
		node.ExpectMetric(`buildrelay_connections{app="3"}`, "is 1", func(n float64) bool { return n == 1 })
	}

	// Two tabs are one person, on whatever node.
	nodes.lead(w.Address)
	again := hers.open(t, b, "/#/builds/1")
	again.watchesWith(ann)
	anns.watchesWith(bob)
	if name := again.myName(); name != bob {
		t.Errorf("the second tab calls the same person %q, the first %q", name, bob)
	}
	again.rename(`<b>Bob</b> & "co"`)
	bobs.until(`document.querySelector('.people-me .people-name').textContent === '<b>Bob</b> & "co"'`)
	anns.watchesWith(`<b>Bob</b> & "co"`)
	anns.expectHarmless()
	bobs.watchesWith(ann)

	// Who looks at something else in one tab still watches in the other.
	bobs.click(`a.back`)
	bobs.sees(`[data-build="1"] a`)
	again.watchesWith(ann)
	anns.watchesWith(`<b>Bob</b> & "co"`)
	again.close()
	anns.watchesWith()
	bobs.click(`[data-build="1"] a`)
	anns.watchesWith(`<b>Bob</b> & "co"`)
	bobs.watchesWith(ann)
}

// crowd opens a page in a browser of each of these.
func (b *browser) crowd(t *testing.T, backend *ciBackend, path string, names ...string) {
	t.Helper()
	for i, name := range names {
		p := b.another(t).open(t, backend, "/")
		p.become(i+1, name)
		p.do("opening "+path, chromedp.Navigate(backend.url+path))
		p.until(fmt.Sprintf("document.querySelector('.people:not([hidden]) .people-me')?.textContent.includes(%q)", name))
	}
}

// become makes the page's next load be that of somebody whose name is known beforehand.
func (p *page) become(number int, name string) {
	p.t.Helper()
	person := fmt.Sprintf(`{"id":"%032x","name":%q}`, number*0x1234567, name)
	evaluate[bool](p, fmt.Sprintf(`(localStorage.setItem('buildrelay.person', %q), true)`, person))
	p.do("loading the page anew", chromedp.Reload())
}
