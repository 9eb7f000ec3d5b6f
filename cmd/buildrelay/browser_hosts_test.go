package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// housePage is a page of an application, with a version of pusher-js, and of laravel-echo
// if it has one, that reads a private channel.
type housePage struct {
	scripts []string // below node_modules: pusher-js, and what stands behind it
	echo    bool     // the last of them is laravel-echo, which is what the page uses
	// options are JavaScript, in which HOST and PORT are the relay's.
	options string
	// leaks says that these options are not ours: the page asks others.
	leaks bool
	// fallback says that the browser has no WebSockets.
	fallback bool
	// tells says that the page tells statsHost how its connections went.
	tells bool
}

// documentedOptions are those that docs/MIGRATING.md tells clients to have, where they are.
func documentedOptions(t *testing.T) string {
	t.Helper()
	doc := string(read(t, filepath.Join("..", "..", "docs", "MIGRATING.md")))
	_, options, ok := strings.Cut(doc, "new Pusher('builds-key', ")
	options, _, end := strings.Cut(options, "\n});")
	if !ok || !end {
		t.Fatal("docs/MIGRATING.md does not say with which options clients stay at home")
	}
	return strings.NewReplacer("'relay.example.com:6001'", "HOST + ':' + PORT", "'relay.example.com'", "HOST", "6001", "PORT").Replace(options) + "\n}"
}

// socketsAlone is what the document says to those who want no fallback.
func socketsAlone(t *testing.T) string {
	t.Helper()
	doc := string(read(t, filepath.Join("..", "..", "docs", "MIGRATING.md")))
	found := regexp.MustCompile("WebSockets\\salone takes `(enabledTransports: [^`]+)`").FindStringSubmatch(doc)
	if found == nil {
		t.Fatal("docs/MIGRATING.md does not say how clients use WebSockets alone")
	}
	return found[1]
}

func housePages(t *testing.T) map[string]housePage {
	t.Helper()
	script := func(version string) string { return "pusher-js-" + version + "/dist/web/pusher.js" }
	const echo2, echo1 = "laravel-echo-2.5.0/dist/echo.iife.js", "laravel-echo-1.19.0/dist/echo.iife.js"
	first := []string{"pusher-js-3.0.0/dist/pusher.js", "pusher-js-3.0.0/dist/xhr.js"}
	ours := "{..." + documentedOptions(t) + ", authEndpoint: '/auth'"
	old, plain := ours+", encrypted: true}", ours+"}"
	reverb, byPusher := ours+", broadcaster: 'reverb', key: KEY}", ours+", broadcaster: 'pusher', key: KEY}"
	// A page that only says where the WebSocket is.
	const leaking = `{cluster: 'eu', wsHost: HOST, wsPort: PORT, wssPort: PORT, forceTLS: true, enableStats: true, authEndpoint: '/auth'}`
	newest, newestEcho := []string{script("8.6.0")}, []string{script("8.6.0"), echo2}
	pages := map[string]housePage{
		"pusher-js 8.6.0":                     {scripts: newest, options: plain},
		"pusher-js 8.6.0 by HTTP":             {scripts: newest, options: ours + ", enableStats: true}", fallback: true, tells: true},
		"pusher-js 8.6.0 by WebSockets alone": {scripts: newest, options: ours + ", " + socketsAlone(t) + "}"},
		"pusher-js 3.0.0 by HTTP":             {scripts: first, options: ours + ", encrypted: true, disableStats: false}", fallback: true, tells: true},
		"laravel-echo 2.5.0's reverb":         {scripts: newestEcho, echo: true, options: reverb},
		"laravel-echo 2.5.0's reverb by HTTP": {scripts: newestEcho, echo: true, options: reverb, fallback: true},
		"pusher-js that leaks":                {scripts: newest, options: leaking, leaks: true},
	}
	if relaytest.Full() { // each takes as long as its client needs to give up
		pages["pusher-js 3.0.0"] = housePage{scripts: first, options: old}
		pages["laravel-echo 2.5.0"] = housePage{scripts: newestEcho, echo: true, options: byPusher}
		for _, version := range relaytest.PusherJSVersions()[1:] {
			pages["pusher-js "+version] = housePage{scripts: []string{script(version)}, options: old}
			pages["pusher-js "+version+" by HTTP"] = housePage{scripts: []string{script(version)}, options: old, fallback: true}
		}
		pages["laravel-echo 1.19.0"] = housePage{scripts: []string{script("7.6.0"), echo1}, echo: true, options: byPusher}
	}
	return pages
}

// house is the application's server, and the relay behind a link that can be cut.
type house struct {
	relay  world
	link   *junction
	server *httptest.Server
}

// nothingLeavesTheHouse runs pages for as long as their clients need to try everything
// that they have instead of a WebSocket, and looks whom they asked.
func nothingLeavesTheHouse(t *testing.T, b *browser) {
	w := b.startLogRelay(t, "replay=all")
	for name, page := range housePages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newHouse(t, w.world).visit(t, b, page)
		})
	}
	t.Run("the demo", func(t *testing.T) {
		t.Parallel()
		visitDemo(t, b, w)
	})
}

// visitDemo is visit for our own page.
func visitDemo(t *testing.T, b *browser, w logWorld) {
	link := startJunction(t)
	link.lead(nobody)
	script := newScriptedBuild(t, same("first", "second"))
	backend := b.startBehind(t, w, link.address(), script.dir, script.command()...)
	visitor := b.watched(t)
	p := visitor.visit(t, backend.url+"/#/builds/1")
	p.sees(`[data-connection=offline]`)
	link.lead(w.Address)
	p.sees(`[data-connection=live]`)
	p.expectWhole(script)
	visitor.judge(t, false, hostOf(backend.url), link.address())
}

// nobody is an address at which nobody listens.
const nobody = "127.0.0.1:1"

func newHouse(t *testing.T, w world) *house {
	t.Helper()
	h := &house{relay: w, link: startJunction(t)}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

// visit opens a page that reaches nobody until its client has given up for the moment, and
// the relay then. One that has the fallback alone reaches it at once.
func (h *house) visit(t *testing.T, b *browser, page housePage) {
	t.Helper()
	h.link.lead(nobody)
	if page.fallback {
		h.link.lead(h.relay.Address)
	}
	visitor := b.watched(t)
	p := visitor.visit(t, h.server.URL+"/?"+page.query(h.link.address()))
	if !page.fallback {
		p.until(`window.states.includes('unavailable') || window.states.includes('failed')`)
		h.link.lead(h.relay.Address)
	}
	if !page.leaks {
		p.until(`window.got.includes('pusher:subscription_succeeded')`)
		h.relay.publish("hello", "1", "private-house")
		p.until(`window.got.includes('hello')`)
	}
	if page.tells {
		p.until(`window.answers.includes('[null,{}]')`)
	}
	visitor.judge(t, page.leaks, hostOf(h.server.URL), h.link.address())
}

// judge compares whom the page asked with ours, all of whom it has to ask.
func (w *watchedBrowser) judge(t *testing.T, leaks bool, ours ...string) {
	t.Helper()
	proxy, asked := w.asked()
	others := slices.DeleteFunc(slices.Clone(asked), func(host string) bool { return slices.Contains(ours, host) })
	if len(asked) != len(ours)+len(others) {
		t.Errorf("the page was not watched: it asked %q", asked)
	}
	if leaks {
		if len(proxy) == 0 || !slices.Contains(others, "sockjs-eu.pusher.com") {
			t.Errorf("the page should have asked Pusher: it asked %q, and the proxy for %q", asked, proxy)
		}
		return
	}
	if len(proxy) > 0 || len(others) > 0 {
		t.Errorf("the page asked %q, and the proxy for %q; ours are %q", others, proxy, ours)
	}
}

// query tells the server which page is wanted.
func (p housePage) query(relay string) string {
	return url.Values{
		"script": p.scripts, "options": {p.options}, "relay": {relay},
		"echo": {strconv.FormatBool(p.echo)}, "fallback": {strconv.FormatBool(p.fallback)},
	}.Encode()
}

// ServeHTTP is the application: its page, its scripts and its auth endpoint.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/":
		fmt.Fprint(w, houseHTML(r.URL.Query()))
	case r.URL.Path == "/auth":
		signed := auth.SignChannel(auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, r.FormValue("socket_id"), r.FormValue("channel_name"), nil)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"auth":%q}`, signed)
	case strings.HasPrefix(r.URL.Path, "/scripts/"):
		http.ServeFile(w, r, filepath.Join("..", "..", "relay", "relaytest", "clients", "node_modules", filepath.Clean(strings.TrimPrefix(r.URL.Path, "/scripts"))))
	default: // such as the icon
		w.WriteHeader(http.StatusNoContent)
	}
}

func houseHTML(page url.Values) string {
	host, port, _ := net.SplitHostPort(page.Get("relay"))
	values := fmt.Sprintf("const HOST = %q, PORT = %s, KEY = %q, OPTIONS = %s;", host, port, relaytest.Key, page.Get("options"))
	var scripts strings.Builder
	if page.Get("fallback") == "true" {
		scripts.WriteString("<script>window.WebSocket = undefined</script>")
	}
	for _, path := range page["script"] {
		scripts.WriteString(`<script src="/scripts/` + path + `"></script>`)
	}
	start := pusherStart
	if page.Get("echo") == "true" {
		start = echoStart
	}
	return "<!doctype html><meta charset=utf-8><title>house</title>" + scripts.String() + "<script>" + values + start + "</script>"
}

// What the page notes: the states of the connection, the events of the channel, and what it
// is answered to its statistics.
const (
	watchStart = `
window.states = [];
window.got = [];
window.answers = [];
const { create } = Pusher.ScriptReceivers;
Pusher.ScriptReceivers.create = function (callback) {
  return create.call(this, (...answer) => { window.answers.push(JSON.stringify(answer)); callback(...answer); });
};
const watch = (pusher) => pusher.connection.bind('state_change', ({ current }) => window.states.push(current));
const note = (event) => window.got.push(event);
`
	pusherStart = watchStart + `
const pusher = new Pusher(KEY, OPTIONS);
watch(pusher);
const channel = pusher.subscribe('private-house');
(channel.bind_global || channel.bind_all).call(channel, note);
`
	echoStart = watchStart + `
const echo = new (Echo.default || Echo)(OPTIONS);
watch(echo.connector.pusher);
const channel = echo.private('house');
channel.subscribed(() => note('pusher:subscription_succeeded'));
channel.listen('.hello', () => note('hello'));
`
)

// visit opens an address and notes what the page asks for.
func (w *watchedBrowser) visit(t *testing.T, address string) *page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(w.ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Listen(ctx, w.hear); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	p := &page{t: t, ctx: ctx, close: closeTab}
	p.do("opening "+address, chromedp.Navigate(address))
	return p
}
