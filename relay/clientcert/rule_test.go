package clientcert_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"buildrelay/relay/clientcert"
	"buildrelay/relay/relaytest"
)

// rule is one that lets all of an authority in.
func rule(a *relaytest.Authority) *clientcert.Rule {
	return &clientcert.Rule{Pool: func() *x509.CertPool { return a.Pool }, Now: time.Now}
}

// state is that of a connection at whose other end a certificate was shown.
func state(shown ...relaytest.Issued) *tls.ConnectionState {
	s := &tls.ConnectionState{}
	for _, c := range shown {
		s.PeerCertificates = append(s.PeerCertificates, c.Pair.Leaf)
	}
	return s
}

// cause is that of a refusal.
func cause(refused *clientcert.Refusal) string {
	if refused == nil {
		return good
	}
	return refused.Cause
}

const good = "good" // the cause of no refusal

func lists(t *testing.T, files ...string) []*x509.RevocationList {
	t.Helper()
	var all []*x509.RevocationList
	for _, file := range files {
		all = append(all, readList(t, file))
	}
	return all
}

func readList(t *testing.T, file string) *x509.RevocationList {
	t.Helper()
	block, _ := pem.Decode(must(os.ReadFile(file)))
	if block == nil {
		t.Fatalf("%s is no PEM file", file)
	}
	return must(x509.ParseRevocationList(block.Bytes))
}

func TestACertificateWillDoIfItsAuthorityCountsNow(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	revoked, kept := ours.Issue(nil), ours.Issue(nil)
	issue := func(change func(*x509.Certificate)) *tls.ConnectionState { return state(ours.Issue(change)) }
	forged := others.Revoke(kept)
	for name, c := range map[string]struct {
		state   *tls.ConnectionState
		revoked []string // files
		want    string
	}{
		"one of ours":                  {issue(nil), nil, good},
		"no TLS":                       {nil, nil, clientcert.NoCertificate},
		"none":                         {state(), nil, clientcert.NoCertificate},
		"one of others":                {state(others.Issue(nil)), nil, clientcert.NotTrusted},
		"one of others, ours besides":  {state(others.Issue(nil), ours.Issue(nil)), nil, clientcert.NotTrusted},
		"one that expired":             {issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), nil, clientcert.NotNow},
		"one of tomorrow":              {issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), nil, clientcert.NotNow},
		"one for servers":              {issue(forServers), nil, clientcert.NotTrusted},
		"one that is not revoked":      {state(kept), []string{ours.Revoke(revoked)}, good},
		"one that was revoked":         {state(revoked), []string{others.Revoke(), ours.Revoke(kept, revoked)}, clientcert.Revoked},
		"one that others have revoked": {state(kept), []string{forged}, good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rule(ours)
			r.Revoked = func() []*x509.RevocationList { return lists(t, c.revoked...) }
			for range 2 { // the second time it may be remembered
				if _, refused := r.Check(c.state); cause(refused) != c.want {
					t.Errorf("it ends with %v", refused)
				}
			}
		})
	}
}

func forServers(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }

// A list under the authority's name that it did not sign tells nothing; nobody of that
// authority is let in then, since who wrote it may have hidden what was revoked.
func TestAForgedRevocationListLetsNobodyIn(t *testing.T) {
	t.Parallel()
	ours := relaytest.NewAuthority(t)
	forger := *ours
	forger.Key = relaytest.NewAuthority(t).Key
	r := rule(ours)
	r.Revoked = func() []*x509.RevocationList { return lists(t, forger.Revoke()) }
	if _, refused := r.Check(state(ours.Issue(nil))); cause(refused) != clientcert.ListForged {
		t.Errorf("it ends with %v", refused)
	}
}

func TestAnAuthorityThatStandsBetweenMayBeRevoked(t *testing.T) {
	t.Parallel()
	root := relaytest.NewAuthority(t)
	between := root.Issue(func(c *x509.Certificate) {
		c.Subject.CommonName = "between"
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	})
	leaf := relaytest.AuthorityOf(t, between).Issue(nil)
	for want, revoked := range map[string]string{good: root.Revoke(), clientcert.Revoked: root.Revoke(between)} {
		r := rule(root)
		r.Revoked = func() []*x509.RevocationList { return lists(t, revoked) }
		if _, refused := r.Check(state(leaf, between)); cause(refused) != want {
			t.Errorf("it ends with %v, not %s", refused, want)
		}
	}
	// It may itself be one of those that count, alone or beside the one above it.
	for _, above := range []bool{false, true} {
		pool := x509.NewCertPool()
		pool.AddCert(between.Pair.Leaf)
		if above {
			pool.AddCert(root.Cert)
		}
		for want, revoked := range map[string]string{good: root.Revoke(leaf), clientcert.Revoked: root.Revoke(between)} {
			r := rule(root)
			r.Pool = func() *x509.CertPool { return pool }
			r.Revoked = func() []*x509.RevocationList { return lists(t, revoked) }
			if _, refused := r.Check(state(leaf, between)); cause(refused) != want {
				t.Errorf("where it counts itself, and the one above (%v), it ends with %v, not %s", above, refused, want)
			}
		}
	}
	if _, refused := rule(root).Check(state(leaf)); cause(refused) != clientcert.NotTrusted {
		t.Errorf("without what stands between it ends with %v", refused)
	}
}

// What is remembered does not outlive what it was found by.
func TestWhoWillDoIsFoundAnewWhenAnythingChanges(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	shown := ours.Issue(nil)
	now, pool, revoked := time.Now(), ours.Pool, []*x509.RevocationList(nil)
	r := &clientcert.Rule{
		Pool: func() *x509.CertPool { return pool }, Revoked: func() []*x509.RevocationList { return revoked }, Now: func() time.Time { return now },
	}
	expect := func(when, want string) {
		t.Helper()
		if _, refused := r.Check(state(shown)); cause(refused) != want {
			t.Errorf("%s it ends with %v, not %s", when, refused, want)
		}
	}
	expect("at first", good)
	pool = others.Pool
	expect("with other authorities", clientcert.NotTrusted)
	pool = ours.Pool
	expect("with them again", good)
	revoked = lists(t, ours.Revoke(shown))
	expect("with a list that has it", clientcert.Revoked)
	revoked = lists(t, ours.Revoke())
	expect("with a list that has it no more", good)
	now = shown.Pair.Leaf.NotAfter.Add(-time.Second)
	expect("a second before its end", good)
	now = now.Add(2 * time.Second)
	expect("a second after", clientcert.NotNow)
	now = time.Now()
	pool = nil
	expect("without any authorities", clientcert.NotTrusted)
}

// ask is a server that asks for certificates, and answers whose it was shown.
func ask(t *testing.T, r *clientcert.Rule, pool func() *x509.CertPool) (server *httptest.Server, serving *relaytest.Authority) {
	t.Helper()
	serving = relaytest.NewAuthority(t)
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		name, refused := r.Check(request.TLS)
		_, _ = fmt.Fprintf(w, "%s %s", name, cause(refused))
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.TLS = clientcert.Ask(&tls.Config{Certificates: []tls.Certificate{serving.Issue(nil).Pair}, MinVersion: tls.VersionTLS12}, pool)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, serving
}

// told asks a server, by a connection of its own, and says which authorities a client was told.
func told(t *testing.T, server *httptest.Server, serving *relaytest.Authority, version uint16, shown *relaytest.Issued) (answer string, authorities int) {
	t.Helper()
	config := &tls.Config{RootCAs: serving.Pool, MinVersion: version, MaxVersion: version}
	config.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		authorities = len(asked.AcceptableCAs)
		if shown == nil {
			return &tls.Certificate{}, nil
		}
		return &shown.Pair, nil
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: relaytest.Patience}
	request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody))
	response, err := client.Do(request)
	if err != nil {
		return err.Error(), authorities
	}
	defer response.Body.Close()
	return string(must(io.ReadAll(response.Body))), authorities
}

func TestAServerAsksForACertificateAndServesWhoHasNone(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	r := rule(ours)
	server, serving := ask(t, r, r.Pool)
	mine, old, stranger := ours.Issue(nil), ours.Issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), others.Issue(nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, c := range map[string]struct {
			shown *relaytest.Issued
			want  string
		}{
			"one of ours":      {&mine, "localhost " + good},
			"one that expired": {&old, " " + clientcert.NotNow},
			"a stranger's":     {&stranger, " " + clientcert.NotTrusted},
			"none":             {nil, " " + clientcert.NoCertificate},
		} {
			if got, authorities := told(t, server, serving, version, c.shown); got != c.want || authorities != 1 {
				t.Errorf("%s, TLS %#x: %q, and %d authorities are told", name, version, got, authorities)
			}
		}
	}
}

// Whoever shows another's certificate without having its key is told so by TLS itself.
func TestACertificateWithoutItsKeyIsRefusedByTLS(t *testing.T) {
	t.Parallel()
	ours := relaytest.NewAuthority(t)
	r := rule(ours)
	server, serving := ask(t, r, r.Pool)
	stolen := ours.Issue(nil)
	stolen.Pair.PrivateKey = ours.Issue(nil).Pair.PrivateKey
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if got, _ := told(t, server, serving, version, &stolen); got == "localhost "+good {
			t.Errorf("TLS %#x: it will do", version)
		}
	}
}

func TestClientsAreToldTheNewestAuthorities(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	both := x509.NewCertPool()
	both.AddCert(ours.Cert)
	both.AddCert(others.Cert)
	pool := ours.Pool
	r := &clientcert.Rule{Pool: func() *x509.CertPool { return pool }, Now: time.Now}
	server, serving := ask(t, r, r.Pool)
	mine := others.Issue(nil)
	if got, n := told(t, server, serving, tls.VersionTLS13, &mine); got != " "+clientcert.NotTrusted || n != 1 {
		t.Errorf("before it is %q with %d authorities", got, n)
	}
	pool = both
	if got, n := told(t, server, serving, tls.VersionTLS13, &mine); got != "localhost "+good || n != 2 {
		t.Errorf("afterwards it is %q with %d authorities", got, n)
	}
}
