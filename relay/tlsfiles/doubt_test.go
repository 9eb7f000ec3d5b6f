package tlsfiles_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/tlsfiles"
)

// bySHA1 is a certificate that an authority has signed as it was done once.
func bySHA1(a *relaytest.Authority, i intermediate, name string) issued {
	made := a.Issue(func(c *x509.Certificate) { c.Subject.CommonName = name })
	template := made.Pair.Leaf
	template.SignatureAlgorithm = x509.ECDSAWithSHA1
	return i.sign(template, made.Pair.PrivateKey)
}

// unknownTo has a certificate signed by what no library knows.
func unknownTo(t *testing.T, i issued) issued {
	t.Helper()
	known, unknown := []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 9}
	leaf, err := x509.ParseCertificate(bytes.ReplaceAll(i.leaf.Raw, known, unknown))
	if err != nil {
		t.Fatal(err)
	}
	return issued{cert: slices.Concat(pemOf(leaf), i.cert[len(firstOf(i.cert)):]), key: i.key, leaf: leaf}
}

// A relay that runs with a certificate goes on with it after an update, whatever it is.
func TestWhatCanBeServedIsServedAtTheStartAndWarnedOf(t *testing.T) {
	a := relaytest.NewAuthority(t)
	i, other := newIntermediate(t, a, "an intermediate"), newIntermediate(t, a, "another")
	at := func(from, until time.Duration) issued {
		return issue(a, "at another time", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(until)
		})
	}
	whole := i.issue(a, "whole")
	cut, strange := whole, whole
	cut.cert = cut.cert[:len(cut.cert)-100]
	strange.cert = slices.Concat(firstOf(whole.cert), pemOf(other.pair.Leaf))
	good := issue(a, "good", nil)
	for name, test := range map[string]struct {
		first issued
		want  string // in the log
	}{
		"expired":         {at(-2*time.Hour, -time.Hour), "TLS files have expired"},
		"too early":       {at(time.Hour, 2*time.Hour), "is not valid before"},
		"a weak key":      {weak(t, a), "1024 bits"},
		"another's chain": {strange, "another certificate's"},
		"half a chain":    {cut, "is cut off"},
		"SHA-1":           {bySHA1(a, i, "by SHA-1"), "signed by ECDSA-SHA1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.first)
			r.watch.Begin()
			r.look(5)
			r.expect(test.first, 0, 0, false)
			if lines := strings.Count(r.log.String(), "\n"); lines != 1 || !strings.Contains(r.log.String(), test.want) {
				t.Errorf("want one line that has %q, got:\n%s", test.want, r.log.String())
			}
			if name == "too early" {
				r.now = r.now.Add(90 * time.Minute)
				r.look(2)
				r.expect(test.first, 0, 0, true)
				r.now = time.Now()
			}
			r.write(good)
			r.look(5)
			r.expect(good, 1, 0, true)
		})
	}
}

// What has signed a certificate may be no authority by today's rules. It is its chain.
func TestAChainIsAnothersOnlyIfNothingInItHasSigned(t *testing.T) {
	a := relaytest.NewAuthority(t)
	i := newIntermediate(t, a, "an intermediate")
	made := a.Issue(func(c *x509.Certificate) { c.Subject.CommonName = "no authority by its own word" })
	of, namesake := intermediate{t, made.Pair}, newIntermediate(t, a, "an intermediate")
	strange := i.issue(a, "strange")
	strange.cert = slices.Concat(firstOf(strange.cert), pemOf(namesake.pair.Leaf))
	others := i.issue(a, "others")
	others.cert = slices.Concat(firstOf(others.cert), pemOf(of.pair.Leaf))
	for name, test := range map[string]struct {
		next     issued
		ok, good bool
	}{
		"no basic constraints":     {of.issue(a, "second"), true, true},
		"SHA-1":                    {bySHA1(a, i, "by SHA-1"), true, false},
		"a namesake's certificate": {strange, false, false},
		"unknown, by its name":     {unknownTo(t, i.issue(a, "unknown")), true, true},
		"unknown, another's":       {unknownTo(t, others), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			first := issue(a, "first", nil)
			r := newRig(t, first)
			r.write(test.next)
			r.look(5)
			if test.ok {
				r.expect(test.next, 1, 0, test.good)
			} else {
				r.expect(first, 0, 1, test.good)
			}
		})
	}
}

// Who has no watch looks by himself.
func TestWhoLooksByHimselfSeesWhatIsNewer(t *testing.T) {
	a := relaytest.NewAuthority(t)
	first, second := issue(a, "first", nil), issue(a, "second", nil)
	r := newRig(t, first)
	pair, err := tlsfiles.LoadPair("api_client", r.cert, r.key)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when, want string) {
		t.Helper()
		before := pair.Look()
		if got := before.Leaf.Subject.CommonName; got != want || pair.Look() != before {
			t.Errorf("%s it is the %s, or another each time", when, got)
		}
	}
	expect("at first", "first")
	r.writeFile(r.cert, second.cert)
	expect("while the key is the old one", "first")
	r.writeFile(r.key, second.key)
	expect("with its key", "second")
	r.writeFile(r.key, nil)
	expect("without a key", "second")
	r.write(first)
	expect("with the first again", "first")
}
