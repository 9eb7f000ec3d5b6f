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

// spectators are two people who look at the same build, by a node each.
type spectators struct {
	t             *testing.T
	first, second world
	nodes         *junction
	backend       *ciBackend
	his           *browser
	anns, bobs    *page
	ann, bob      string
}

// Two people on two nodes see each other come and go, by name.
func showsWhoWatches(t *testing.T, browser *browser) {
	w := browser.startLogRelay(t, "replay=all")
	second := relaytest.StartRelayTLS(t, browser.certs, with(w.redis, map[string]string{"RELAY_LOG_RULES": w.rules}))
	m := &spectators{t: t, first: w.world, second: world{second, w.redis}, nodes: startJunction(t), his: browser.another(t)}
	script := newScriptedBuild(t, numberedPart(1, 60, part{}), numberedPart(61, 120, part{}))
	m.backend = browser.startBehind(t, w, m.nodes.address(), script.dir, script.command()...)

	m.come(browser)
	again := m.secondTab()
	m.another(again, `<b>Bob</b> & "co"`)
	m.leave(again)
	m.loseANode()
}

// come lets Ann and Bob see each other.
func (m *spectators) come(hers *browser) {
	m.t.Helper()
	m.nodes.lead(m.first.Address)
	m.anns = hers.open(m.t, m.backend, "/#/builds/1")
	m.anns.watchesWith()
	m.ann = m.anns.myName()
	m.nodes.lead(m.second.Address)
	m.bobs = m.his.open(m.t, m.backend, "/#/builds/1")
	m.bob = m.bobs.myName()
	m.see()
	m.first.connections(1)
	m.second.connections(1)
}

// see waits until they see each other, and nobody else.
func (m *spectators) see() {
	m.t.Helper()
	m.bobs.watchesWith(m.ann)
	m.anns.watchesWith(m.bob)
}

// secondTab opens a tab of Bob at the other node: it is the same person.
func (m *spectators) secondTab() *page {
	m.t.Helper()
	m.nodes.lead(m.first.Address)
	again := m.his.open(m.t, m.backend, "/#/builds/1")
	again.watchesWith(m.ann)
	m.see()
	if name := again.myName(); name != m.bob {
		m.t.Errorf("the second tab calls the same person %q, the first %q", name, m.bob)
	}
	return again
}

// another gives Bob another name in one tab: he has it in both, and Ann sees it.
func (m *spectators) another(tab *page, name string) {
	m.t.Helper()
	m.bob = name
	tab.rename(name)
	m.bobs.until(fmt.Sprintf(`document.querySelector('.people-me .people-name').textContent === %q`, name))
	m.see()
	m.anns.expectHarmless()
}

// leave lets Bob look at something else in one tab, close the other, and come back.
func (m *spectators) leave(again *page) {
	m.t.Helper()
	m.bobs.click(`a.back`)
	m.bobs.sees(`[data-build="1"] a`)
	again.watchesWith(m.ann)
	m.anns.watchesWith(m.bob)
	again.close()
	m.anns.watchesWith()
	m.bobs.click(`[data-build="1"] a`)
	m.see()
}

// loseANode kills Bob's node: he comes back on the other, and Ann sees him all the time.
func (m *spectators) loseANode() {
	m.t.Helper()
	evaluate[bool](m.anns, recordLeaving)
	m.bobs.expected = aboutConnections
	m.second.Kill()
	m.first.connections(2)
	m.see()
	if left := evaluate[[]string](m.anns, `window.left`); len(left) > 0 {
		m.t.Errorf("the page showed that %q left", left)
	}
}

// connections waits until the node has as many.
func (w world) connections(n int) {
	w.ExpectMetric(`buildrelay_connections{app="3"}`, fmt.Sprintf("is %d", n), func(now float64) bool { return now == float64(n) })
}

// recordLeaving notes everybody whom the page shows as leaving.
const recordLeaving = `(() => {
	window.left = [];
	new MutationObserver((changes) => changes.forEach(({ target }) => target.dataset.leaving === 'true' && window.left.push(target.title)))
		.observe(document.querySelector('.people'), { subtree: true, attributeFilter: ['data-leaving'] });
	return true;
})()`

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
