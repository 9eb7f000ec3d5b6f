package authorize_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/audit"
)

// Rows 72 and 75 of docs/ATTACKS.md: a foreign page gets nothing, though the browser sends
// the user's cookies along.
func TestForeignPagesGetNoSignature(t *testing.T) {
	t.Parallel()
	named := auth.Origins{"https://ci.example.com", "https://*.pages.example.com"}
	for name, tt := range map[string]struct {
		origins auth.Origins
		origin  string // "" is none
		site    string // Sec-Fetch-Site
		allowed bool
		shared  bool // the page of the other origin may read the answer
	}{
		"no browser":                        {named, "", "", true, false},
		"the endpoint's own page":           {named, "http://relay.example.com", "same-origin", true, false},
		"the same, by an old browser":       {named, "http://relay.example.com", "", true, false},
		"the same, behind a proxy with TLS": {named, "https://relay.example.com", "", true, false},
		"the user's own doing":              {named, "", "none", true, false},
		"a page that is named":              {named, "https://ci.example.com", "cross-site", true, true},
		"the same, of the same site":        {named, "https://ci.example.com", "same-site", true, true},
		"the same, by an old browser too":   {named, "https://ci.example.com", "", true, true},
		"a page that a pattern names":       {named, "https://a.pages.example.com", "cross-site", true, true},
		"a foreign page":                    {named, "https://evil.example.net", "cross-site", false, false},
		"a foreign page, old browser":       {named, "https://evil.example.net", "", false, false},
		"a page of the same site":           {named, "https://other.example.com", "same-site", false, false},
		"without TLS":                       {named, "http://ci.example.com", "cross-site", false, false},
		"another port":                      {named, "https://ci.example.com:8443", "cross-site", false, false},
		"another port of our own":           {named, "http://relay.example.com:8080", "", false, false},
		"a longer name":                     {named, "https://ci.example.com.evil.net", "cross-site", false, false},
		"a name in front":                   {named, "https://evil-ci.example.com", "cross-site", false, false},
		"a user in front":                   {named, "https://ci.example.com@evil.net", "cross-site", false, false},
		"null":                              {named, "null", "cross-site", false, false},
		"null, old browser":                 {named, "null", "", false, false},
		"nothing but the site":              {named, "", "cross-site", false, false},
		"a site that nobody knows":          {named, "", "nobody", false, false},
		"any may connect":                   {nil, "https://evil.example.net", "cross-site", false, false},
		"all may connect":                   {auth.Origins{"*"}, "https://evil.example.net", "cross-site", false, false},
		"null, where all may connect":       {auth.Origins{"*"}, "null", "cross-site", false, false},
		"all, and one is named":             {auth.Origins{"*", "https://ci.example.com"}, "https://evil.example.net", "", false, false},
		"all, and this is named":            {auth.Origins{"*", "https://ci.example.com"}, "https://ci.example.com", "", true, true},
		"our own, where any may connect":    {nil, "http://relay.example.com", "", true, false},
	} {
		e := newEndpoint(t, yes, auth.App{ID: "3", Keys: []auth.Key{{Key: "key", Secret: "s"}}, Origins: tt.origins})
		var headers []string
		if tt.origin != "" {
			headers = append(headers, "Origin", tt.origin)
		}
		if tt.site != "" {
			headers = append(headers, "Sec-Fetch-Site", tt.site)
		}
		for _, path := range []string{"/pusher/auth", "/pusher/user-auth"} {
			w := e.post(path, subscribing(build), headers...)
			if (w.Code == http.StatusOK) != tt.allowed || !tt.allowed && (w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "key:")) {
				t.Errorf("%s, %s: %d %s", name, path, w.Code, w.Body)
			}
			checkShared(t, name, w, tt.shared, tt.origin)
		}
		if (len(e.decider.asked) > 0) != tt.allowed || (len(e.journal.refused) > 0) == tt.allowed {
			t.Errorf("%s: asked %v, recorded %v", name, e.decider.asked, e.journal.refused)
		}
		preflight := httptest.NewRequest(http.MethodOptions, "http://relay.example.com/pusher/auth", nil)
		preflight.Header.Set("Access-Control-Request-Method", "POST")
		preflight.Header.Set("Access-Control-Request-Headers", "authorization,x-csrf-token")
		for i := 0; i < len(headers); i += 2 {
			preflight.Header.Set(headers[i], headers[i+1])
		}
		w := e.do(preflight)
		if (w.Code == http.StatusNoContent) != tt.allowed || tt.allowed && w.Header().Get("Access-Control-Allow-Headers") != "authorization,x-csrf-token" {
			t.Errorf("%s, preflight: %d %v", name, w.Code, w.Header())
		}
		checkShared(t, name+", preflight", w, tt.shared, tt.origin)
	}
}

// checkShared looks whether the page may read the answer: it is named then, and never an asterisk.
func checkShared(t *testing.T, name string, w *httptest.ResponseRecorder, shared bool, origin string) {
	t.Helper()
	h := w.Header()
	want, credentials := "", ""
	if shared {
		want, credentials = origin, "true"
	}
	if h.Get("Access-Control-Allow-Origin") != want || h.Get("Access-Control-Allow-Credentials") != credentials || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
		t.Errorf("%s: %v", name, h)
	}
}

func TestAPageWithoutTLSIsNotThatOfAnEndpointWithIt(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]int{"http://relay.example.com": 403, "https://relay.example.com": 200} {
		e := newEndpoint(t, yes)
		r := httptest.NewRequest(http.MethodPost, "https://relay.example.com/pusher/auth", strings.NewReader(subscribing(build)))
		r.TLS = &tls.ConnectionState{}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		if w := e.do(r); w.Code != want {
			t.Errorf("%s: %d %s", origin, w.Code, w.Body)
		}
	}
}

func TestTwoOriginsAreNoneAndSoIsAnEmptyOne(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, yes)
	for _, headers := range [][]string{
		{"Origin", "http://relay.example.com", "Origin", "https://evil.example.net"},
		{"Origin", "https://ci.example.com", "Origin", "https://evil.example.net"},
		{"Origin", "", "Sec-Fetch-Site", "cross-site"},
	} {
		w := e.post("/pusher/auth", subscribing(build), headers...)
		refused := e.journal.refused
		if w.Code != http.StatusForbidden || refused[len(refused)-1].Payload.(audit.SubscriptionDeny).Reason != "cross_site" {
			t.Errorf("%q: %d %s, recorded %v", headers, w.Code, w.Body, refused)
		}
	}
}
