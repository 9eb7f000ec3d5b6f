package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/clientcert"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/server"
)

// adminToken is one of a test's own.
const adminToken = "a-token-of-32-characters-at-least"

// The kinds of paths that a listener for operators has. What is not known is closed.
var (
	healthPaths = []string{"/healthz", "/readyz", "/ready"}
	countPaths  = []string{"/metrics", "/usage"}
	closedPaths = []string{
		"/audit", "/audit/", "/audit/records", "/audit/export.csv", "/keys", "/check", "/debug/pprof/", "/debug/goroutines", "/", "/nothing",
		"/healthz/", "/healthz/../audit", "//healthz", "/HEALTHZ", "/healthz%2f", "/metrics/", "/./audit", "/healthz;/audit", "/audit%2frecords",
	}
)

// ask asks behind a guard, as a request that is changed before, and says which reasons were told.
func ask(t *testing.T, g server.Guard, path string, change func(*http.Request)) (answer *httptest.ResponseRecorder, reasons []string) {
	t.Helper()
	g.Denied = func(_ *http.Request, reason string) { reasons = append(reasons, reason) }
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	request.Host = "127.0.0.1:9601"
	if change != nil {
		change(request)
	}
	answer = httptest.NewRecorder()
	g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("shown to " + server.Operator(r)))
	})).ServeHTTP(answer, request)
	return answer, reasons
}

func bearer(text string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+text) }
}

func password(text string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth("anybody", text) }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

func site(what string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", what) }
}

func both(changes ...func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		for _, change := range changes {
			change(r)
		}
	}
}

func TestAListenerForOperatorsShowsWhatEachMaySee(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	shown := func(c relaytest.Issued) func(*http.Request) {
		return func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.Pair.Leaf}}
		}
	}
	certificate, strangers := shown(ours.Issue(nil)), shown(others.Issue(nil))
	rule := &clientcert.Rule{Pool: func() *x509.CertPool { return ours.Pool }, Now: time.Now}
	alone, token, clients, either := server.Guard{Local: true}, server.Guard{Local: true, Token: adminToken},
		server.Guard{Local: true, Clients: rule}, server.Guard{Token: adminToken, Clients: rule}
	for name, c := range map[string]struct {
		guard          server.Guard
		change         func(*http.Request)
		counts, closed int    // the statuses
		reason         string // why what is closed is refused
	}{
		"on the machine itself":                   {alone, nil, 200, 200, ""},
		"by another name of it":                   {alone, host("localhost:9601"), 200, 200, ""},
		"by an address of it":                     {alone, host("[::1]:9601"), 200, 200, ""},
		"by a name that a page chose":             {alone, host("evil.example:9601"), 200, 403, server.ForeignHost},
		"by a name that looks like it":            {alone, host("localhost.evil.example"), 200, 403, server.ForeignHost},
		"by no name":                              {alone, host(""), 200, 403, server.ForeignHost},
		"a token where none is set":               {alone, bearer(adminToken), 200, 200, ""},
		"beyond the machine, with no key":         {server.Guard{}, nil, 200, 403, server.NoTokenSet},
		"beyond the machine, with a token":        {server.Guard{}, bearer(adminToken), 200, 403, server.NoTokenSet},
		"nothing where a token is set":            {token, nil, 401, 401, server.NoToken},
		"the token":                               {token, bearer(adminToken), 200, 200, ""},
		"the token, by any name":                  {token, both(bearer(adminToken), host("relay.example")), 200, 200, ""},
		"the token as a password":                 {token, password(adminToken), 200, 200, ""},
		"the token as a user":                     {token, func(r *http.Request) { r.SetBasicAuth(adminToken, "") }, 401, 401, server.WrongToken},
		"another token":                           {token, bearer(adminToken + "x"), 401, 401, server.WrongToken},
		"the beginning of the token":              {token, bearer(adminToken[:32]), 401, 401, server.WrongToken},
		"an empty token":                          {token, bearer(""), 401, 401, server.WrongToken},
		"an empty password":                       {token, password(""), 401, 401, server.WrongToken},
		"the token as what it is not":             {token, func(r *http.Request) { r.Header.Set("Authorization", "Digest "+adminToken) }, 401, 401, server.NoToken},
		"the token in the query":                  {token, func(r *http.Request) { r.URL.RawQuery = "token=" + adminToken }, 401, 401, server.NoToken},
		"a certificate where the token is needed": {token, certificate, 401, 401, server.NoToken},
		"a certificate":                           {clients, certificate, 200, 200, ""},
		"no certificate":                          {clients, nil, 403, 403, clientcert.NoCertificate},
		"a stranger's certificate":                {clients, strangers, 403, 403, clientcert.NotTrusted},
		"a token where a certificate is needed":   {clients, bearer(adminToken), 403, 403, clientcert.NoCertificate},
		"an empty token, a certificate is needed": {clients, bearer(""), 403, 403, clientcert.NoCertificate},
		"a certificate or the token":              {either, certificate, 200, 200, ""},
		"the token or a certificate":              {either, bearer(adminToken), 200, 200, ""},
		"the token beside a stranger's":           {either, both(bearer(adminToken), strangers), 200, 200, ""},
		"a certificate beside a wrong token":      {either, both(bearer("x"), certificate), 200, 200, ""},
		"a stranger's instead of the token":       {either, strangers, 401, 401, clientcert.NotTrusted},
		"neither":                                 {either, nil, 401, 401, server.NoToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect := func(path string, status int, reason string) {
				t.Helper()
				answer, reasons := ask(t, c.guard, path, c.change)
				if answer.Code != status {
					t.Errorf("%s is answered %d %s", path, answer.Code, answer.Body)
				}
				if asks := answer.Header().Get("WWW-Authenticate") != ""; asks != (status == 401) {
					t.Errorf("%s: a password is asked for: %v", path, asks)
				}
				if refused := status != 200; refused && !slices.Equal(reasons, []string{reason}) || !refused && reasons != nil {
					t.Errorf("%s: the reasons are %q", path, reasons)
				}
				if strings.Contains(answer.Body.String(), adminToken) {
					t.Errorf("%s: the answer has the token: %s", path, answer.Body)
				}
			}
			for _, path := range healthPaths {
				expect(path, 200, "")
			}
			for _, path := range countPaths {
				expect(path, c.counts, c.reason)
			}
			for _, path := range closedPaths {
				expect(path, c.closed, c.reason)
			}
		})
	}
}

// A browser that knows the token sends it along for whatever page.
func TestAPageOfAnotherSiteIsShownNothing(t *testing.T) {
	t.Parallel()
	for _, g := range []server.Guard{{Local: true}, {Token: adminToken}} {
		for _, c := range []struct {
			path, site string
			status     int
		}{
			{"/audit/records", "cross-site", 403},
			{"/debug/pprof/profile", "cross-site", 403},
			{"/keys", "cross-site", 403},
			{"/check", "cross-site", 403}, // it sends events
			{"/check", "same-site", 403},  // such as another port of this machine
			{"/check", "same-origin", 200},
			{"/audit", "cross-site", 200}, // a link
			{"/audit/records", "same-origin", 200},
			{"/audit/records", "none", 200},
		} {
			if answer, _ := ask(t, g, c.path, both(bearer(adminToken), site(c.site))); answer.Code != c.status {
				t.Errorf("%s from %s is answered %d", c.path, c.site, answer.Code)
			}
		}
	}
}

func TestAnOperatorIsKnownByTheNameInTheCertificate(t *testing.T) {
	t.Parallel()
	ours := relaytest.NewAuthority(t)
	g := server.Guard{Token: auth.Secret(adminToken), Clients: &clientcert.Rule{Pool: func() *x509.CertPool { return ours.Pool }, Now: time.Now}}
	issued := ours.Issue(func(c *x509.Certificate) { c.DNSNames = []string{"ada.example.com"} })
	answer, _ := ask(t, g, "/audit", func(r *http.Request) {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{issued.Pair.Leaf}}
	})
	if text := answer.Body.String(); text != "shown to ada.example.com" {
		t.Errorf("it is %s", text)
	}
	if answer.Header().Get("Cache-Control") != "no-store" {
		t.Error("what is shown may be kept by a cache")
	}
	if answer, _ := ask(t, g, "/audit", bearer(adminToken)); answer.Body.String() != "shown to " {
		t.Errorf("by the token it is %s", answer.Body)
	}
}
