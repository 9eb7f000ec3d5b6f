package api_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/clientcert"
	"buildrelay/relay/relaytest"
)

func TestACallNeedsACertificateBesideTheSignatureWhereCallersMustHaveOne(t *testing.T) {
	t.Parallel()
	authority, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	shown := func(c relaytest.Issued) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.Pair.Leaf}}
	}
	const body = `{"name":"e","channel":"c","data":"d"}`
	good := signed(http.MethodPost, "/apps/3/events", body, "")
	for name, c := range map[string]struct {
		state  *tls.ConnectionState
		target string
		status int
		says   string
		cause  string // in the record; empty for none
	}{
		"both":                       {shown(authority.Issue(nil)), good, 200, "{}", ""},
		"a signature without TLS":    {nil, good, 401, "beside the signature: no client certificate was shown", clientcert.NoCertificate},
		"a signature alone":          {&tls.ConnectionState{}, good, 401, "no client certificate was shown", clientcert.NoCertificate},
		"a stranger's certificate":   {shown(others.Issue(nil)), good, 403, "not signed by an authority that counts", clientcert.NotTrusted},
		"a certificate alone":        {shown(authority.Issue(nil)), "/apps/3/events", 401, "auth_key", "no key"},
		"neither, to no app that is": {nil, "/apps/none/events", 401, "no client certificate", clientcert.NoCertificate},
		"a certificate, nothing here": {
			shown(authority.Issue(nil)), "/apps/3/nothing", 404, "nothing at this path", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, trail := audited(t, same)
			b.Clients = &clientcert.Rule{Pool: func() *x509.CertPool { return authority.Pool }, Now: time.Now}
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.target, strings.NewReader(body))
			request.TLS = c.state
			answer := httptest.NewRecorder()
			b.ServeHTTP(answer, request)
			if text := answer.Body.String(); answer.Code != c.status || !strings.Contains(text, c.says) {
				t.Errorf("it is answered %d %s", answer.Code, text)
			}
			if published := len(b.published) == 1; published != (c.status == http.StatusOK) {
				t.Errorf("published: %v", published)
			}
			var causes []string
			for _, r := range trail.refused {
				payload, _ := r.Payload.(audit.PublishDeny)
				causes = append(causes, fmt.Sprint(r.Action, " ", payload.Reason))
			}
			if want := audit.ActionPublishDeny + " " + c.cause; c.cause != "" && strings.Join(causes, "") != want || c.cause == "" && causes != nil {
				t.Errorf("it is recorded as %q", causes)
			}
		})
	}
}

// Whoever has no certificate can make a node verify others' no more often than guess signatures.
func TestCallsWithoutACertificateCountAsWrongOnes(t *testing.T) {
	t.Parallel()
	b, _ := audited(t, same)
	b.Clients = &clientcert.Rule{Pool: x509.NewCertPool, Now: time.Now}
	b.RefusedCalls = 2
	for _, want := range []int{401, 401, 429} {
		if got := b.do(t, http.MethodGet, signed(http.MethodGet, "/apps/3/channels", "", ""), "").Code; got != want {
			t.Errorf("a call is answered %d, not %d", got, want)
		}
	}
}
