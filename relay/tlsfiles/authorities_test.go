package tlsfiles_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/tlsfiles"
)

// replaced is a file that is looked at beside the rig's pair.
func (r *rig) replaced(path string, text []byte) {
	r.t.Helper()
	r.writeFile(path, text)
	r.look(2)
}

func TestAuthoritiesAreReplacedByWayOfBoth(t *testing.T) {
	older, newer := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	was, is := older.Issue(nil).Pair.Leaf, newer.Issue(nil).Pair.Leaf
	r := newRig(t, issue(older, "any", nil))
	path := filepath.Join(t.TempDir(), "authorities.pem")
	r.writeFile(path, pemOf(older.Cert))
	authorities, err := tlsfiles.LoadAuthorities("redis_authorities", path)
	if err != nil {
		t.Fatal(err)
	}
	r.watch.Authorities = append(r.watch.Authorities, authorities)
	expect := func(step string, wantOld, wantNew bool) {
		t.Helper()
		_, errOld := was.Verify(x509.VerifyOptions{Roots: authorities.Pool()})
		_, errNew := is.Verify(x509.VerifyOptions{Roots: authorities.Pool()})
		if (errOld == nil) != wantOld || (errNew == nil) != wantNew {
			t.Errorf("%s: the old is believed %v, the new %v", step, errOld == nil, errNew == nil)
		}
	}
	expect("at first", true, false)
	r.replaced(path, append(pemOf(older.Cert), pemOf(newer.Cert)...))
	expect("both", true, true)
	both := append(pemOf(older.Cert), pemOf(newer.Cert)...)
	r.replaced(path, both[:len(both)-10])
	expect("cut off", true, true)
	r.replaced(path, nil)
	expect("nothing", true, true)
	expired := older.Issue(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	r.replaced(path, pemOf(expired.Pair.Leaf))
	expect("expired", true, true)
	r.replaced(path, append(pemOf(expired.Pair.Leaf), pemOf(newer.Cert)...))
	expect("the new", false, true)
	if n := strings.Count(r.log.String(), "are refused"); n != 3 {
		t.Errorf("%d refusals are logged:\n%s", n, r.log.String())
	}
}

func TestAuthoritiesThatAreBadAtTheStartAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorities.pem")
	for _, text := range []string{"", "hello", string(pemOf(relaytest.NewAuthority(t).Cert))[:100]} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tlsfiles.LoadAuthorities("redis_authorities", path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRevocationListsArePEMOrDER(t *testing.T) {
	a := relaytest.NewAuthority(t)
	gone, more := a.Issue(nil), a.Issue(nil)
	r := newRig(t, issue(a, "any", nil))
	text, err := os.ReadFile(a.Revoke(gone))
	r.do(err)
	path := filepath.Join(t.TempDir(), "revoked.pem")
	r.writeFile(path, text)
	revocations, err := tlsfiles.LoadRevocations("client_revocations", path)
	if err != nil {
		t.Fatal(err)
	}
	r.watch.Revocations = append(r.watch.Revocations, revocations)
	expect := func(step string, want int) {
		t.Helper()
		got := 0
		for _, list := range revocations.Lists() {
			got += len(list.RevokedCertificateEntries)
		}
		if got != want {
			t.Errorf("%s: %d are revoked, want %d", step, got, want)
		}
	}
	expect("PEM", 1)
	text, err = os.ReadFile(a.Revoke(gone, more))
	r.do(err)
	block, _ := pem.Decode(text)
	r.replaced(path, block.Bytes)
	expect("DER", 2)
	for _, bad := range [][]byte{nil, text[:100], []byte("hello"), block.Bytes[:50], pemOf(a.Cert)} {
		r.replaced(path, bad)
		expect("a bad list", 2)
	}
	r.replaced(path, append(text, text...))
	expect("two lists", 4)
	r.now = r.now.Add(2 * time.Hour)
	r.look(1)
	expect("a list that is overdue", 4)
	if !strings.Contains(r.log.String(), `"TLS files have expired","use":"client_revocations"`) {
		t.Errorf("that a list is overdue is not told:\n%s", r.log.String())
	}
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func FuzzPair(f *testing.F) {
	a := relaytest.NewAuthority(f)
	good := issue(a, "good", nil)
	f.Add(good.cert, good.key)
	f.Add(good.cert[:100], good.key)
	f.Add(append(good.cert, good.key...), append(good.cert, good.key...))
	f.Add([]byte(rand.Text()), []byte("-----BEGIN "))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		c, wrong, err := tlsfiles.ParsePair(cert, key)
		if (c == nil) != (err != nil) {
			t.Fatalf("a pair %v, an error %v", c, err)
		}
		if c != nil && (c.Leaf == nil || c.PrivateKey == nil) || c == nil && wrong != nil {
			t.Errorf("half of a pair was taken, or it is wrong, too: %v", wrong)
		}
	})
}
