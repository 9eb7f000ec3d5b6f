package main_test

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// watchedBrowser is a browser of somebody who watches where it goes: whatever is not on
// loopback is asked of a proxy, which has none of it; and the page itself tells what it
// asks for, wherever that is.
type watchedBrowser struct {
	*browser
	mu    sync.Mutex
	proxy map[string]bool // hosts that the proxy was asked for
	page  map[string]bool // hosts, with ports, of all that the page asked for
}

// watched is another browser that is watched.
func (b *browser) watched(t *testing.T) *watchedBrowser {
	t.Helper()
	w := &watchedBrowser{proxy: make(map[string]bool), page: make(map[string]bool)}
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatalf("starting a proxy: %v", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(w.refuse)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // it ends when it is closed
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	ctx, closeAll := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(func(p *target.CreateBrowserContextParams) {
		p.ProxyServer = "http://" + listener.Addr().String()
	}))
	t.Cleanup(closeAll)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening another browser: %v", err)
	}
	w.browser = &browser{ctx: ctx, cache: b.cache, certs: b.certs}
	return w
}

// refuse notes what is asked for: the host of CONNECT, which all but plain HTTP takes, or
// of a request.
func (w *watchedBrowser) refuse(answer http.ResponseWriter, r *http.Request) {
	w.note(w.proxy, r.URL.Hostname())
	answer.WriteHeader(http.StatusForbidden)
}

// hear is told what the page does.
func (w *watchedBrowser) hear(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.note(w.page, hostOf(e.Request.URL))
	case *network.EventWebSocketCreated:
		w.note(w.page, hostOf(e.URL))
	}
}

func (w *watchedBrowser) note(where map[string]bool, host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if host != "" {
		where[host] = true
	}
}

// asked returns the hosts that the proxy, and that the page was seen to ask for.
func (w *watchedBrowser) asked() (proxy, page []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for host := range w.proxy {
		proxy = append(proxy, host)
	}
	for host := range w.page {
		page = append(page, host)
	}
	slices.Sort(proxy)
	slices.Sort(page)
	return proxy, page
}
