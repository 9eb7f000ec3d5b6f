package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// signs asks the relay for a signature, with the user's cookies and a header of the page's own,
// for which the browser asks before; and says what the page may read of the answer.
const signs = `fetch('RELAY/pusher/auth', {
	method: 'POST', credentials: 'include', headers: {'X-CSRF-Token': 'page'},
	body: new URLSearchParams({socket_id: '1.2', channel_name: 'private-build-acme;site;7'}),
}).then((r) => r.text().then((text) => r.status + ' ' + text), () => 'refused')`

// sends is the same by a page that wants no answer, so that the browser does not ask before.
const sends = `fetch('RELAY/pusher/auth', {
	method: 'POST', credentials: 'include', mode: 'no-cors',
	body: new URLSearchParams({socket_id: '1.2', channel_name: 'private-build-acme;site;7'}),
}).then((r) => r.type + ' ' + r.status, () => 'refused')`

// The browser sends the user's cookies along whatever page asks: all of this are pages of one
// machine, whose cookies know no ports. Only the relay's own and the one that is named get a
// signature.
func signsForPagesThatMayAsk(t *testing.T, b *browser) {
	b = b.another(t)
	var asked atomic.Int32
	decides := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !strings.Contains(r.Header.Get("Cookie"), "session=ada") {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(decides.Close)
	named, foreign := blankPages(t), blankPages(t)
	w := newWorld(t, map[string]string{
		"RELAY_AUTH": "forward", "RELAY_AUTH_URL": decides.URL, "RELAY_AUTH_CHANNELS": "private-build-{owner};{repo};{build}",
		"RELAY_APP_ORIGINS": named,
	})
	const refused, opaque = "refused", "opaque 0"
	for _, tt := range []struct{ name, page, script, want string }{
		{"the page that is named", named, signs, `200 {"auth":"`},
		{"the relay's own", w.URL(), signs, `200 {"auth":"`},
		{"a foreign page", foreign, signs, refused},
		{"a foreign page that wants no answer", foreign, sends, opaque},
	} {
		before := asked.Load()
		ctx, closeTab := chromedp.NewContext(b.ctx)
		t.Cleanup(closeTab)
		if err := chromedp.Do(ctx); err != nil {
			t.Fatalf("opening a tab: %v", err)
		}
		p := &page{t: t, ctx: ctx}
		p.do("opening "+tt.name, chromedp.Navigate(tt.page))
		got := evaluate[string](p, strings.ReplaceAll(tt.script, "RELAY", w.URL()))
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if foreigner := tt.page == foreign; foreigner && asked.Load() != before {
			t.Errorf("%s: the CI was asked", tt.name)
		}
	}
	if asked.Load() == 0 {
		t.Error("the CI was never asked")
	}
	w.ExpectMetric(`buildrelay_authorizations_total{outcome="cross_site"}`, "counts the foreign page's question, and its request", func(n float64) bool { return n == 2 })
}

// blankPages is an origin of its own. Who was there is logged in, as ada.
func blankPages(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "ada", Path: "/"})
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>page</title>")
	}))
	t.Cleanup(server.Close)
	return server.URL
}
