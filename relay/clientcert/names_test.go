package clientcert_test

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"

	"buildrelay/relay/clientcert"
	"buildrelay/relay/relaytest"
)

func TestPatternsOfNamesAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                     "",
		"ci.example.com":                       "",
		" *.ci.example.com , spiffe://e.com/a": "",
		"*":                                    "",
		"agent-*":                              "",
		"CI.Example.com":                       "",
		"spiffe://example.com":                 "",
		"spiffe://example.com/ns/*/sa/*":       "",
		"https://ci.example.com:8443/a":        "",
		",":                                    "commas alone",
		"10.0.0.5":                             `"10.0.0.5" is neither`,
		"::1":                                  "is neither",
		"a b":                                  "is neither",
		"ci@example.com":                       "is neither",
		"CN=ci":                                "is neither",
		"a..b":                                 "is neither",
		".example.com":                         "is neither",
		"example.com.":                         "is neither",
		"bücher.example":                       "is neither",
		"spiffe://*.example.com/ci":            "is no URI",
		"*://example.com/ci":                   "is no URI",
		"spiffe://user@example.com/ci":         "is no URI",
		"spiffe://example.com/ci?x=1":          "is no URI",
		"spiffe://example.com/ci#x":            "is no URI",
		"spiffe://example.com/ci?":             "is no URI",
		"spiffe://example.com/a/../b":          "is no URI",
		"spiffe://example.com/a//b":            "is no URI",
		"spiffe://example.com/%61":             "is no URI",
		"spiffe:///ci":                         "is no URI",
		"://":                                  "is no URI",
		strings.Repeat("a", 2049):              "longer than 2048",
	} {
		_, err := clientcert.ParseNames(text)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func TestACertificateNeedsOneOfTheNames(t *testing.T) {
	t.Parallel()
	authority := relaytest.NewAuthority(t)
	named := func(dns []string, uris ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.Subject.CommonName, c.EmailAddresses = "ci.example.com", []string{"ci@example.com"}
			c.DNSNames, c.URIs = dns, nil
			for _, text := range uris {
				c.URIs = append(c.URIs, must(url.Parse(text)))
			}
		}
	}
	for _, c := range []struct {
		names string
		named func(*x509.Certificate)
		want  string // the name; empty for a refusal
	}{
		{"ci.example.com", named([]string{"ci.example.com"}), "ci.example.com"},
		{"ci.example.com", named([]string{"CI.Example.Com"}), "ci.example.com"},
		{"CI.example.COM", named([]string{"ci.example.com"}), "ci.example.com"},
		{"*.ci.example.com", named([]string{"other.example.com", "a.b.ci.example.com"}), "a.b.ci.example.com"},
		{"*.ci.example.com", named([]string{"ci.example.com"}), ""},
		{"*.ci.example.com", named([]string{"a.ci.example.com.evil.example"}), ""},
		{"a.example.com,b.example.com", named([]string{"b.example.com"}), "b.example.com"},
		{"ci.example.com", named(nil), ""}, // the common name has it
		{"ci.example.com", named([]string{"*.example.com"}), ""},
		{"*", named([]string{"*.example.com"}), ""},
		{"*", named(nil, "spiffe://example.com/ci"), ""},
		{"spiffe://example.com/ci/*", named(nil, "spiffe://example.com/ci/agent"), "spiffe://example.com/ci/agent"},
		{"SPIFFE://Example.com/ci", named(nil, "spiffe://EXAMPLE.com/ci"), "spiffe://example.com/ci"},
		{"spiffe://example.com/ci", named(nil, "spiffe://example.com/CI"), ""},
		{"spiffe://example.com/ci/*", named(nil, "spiffe://example.com/ci/../admin"), ""},
		{"spiffe://example.com/ci/*", named(nil, "spiffe://example.com/ci/%2e%2e/admin"), ""},
		{"spiffe://example.com/*", named(nil, "spiffe://example.com/a?b"), ""},
		{"spiffe://example.com/*", named(nil, "spiffe://example.com.evil.example/ci"), ""},
		{"spiffe://example.com/*", named([]string{"spiffe.example.com"}), ""},
		{"", named([]string{"a.example.com"}), "a.example.com"},
		{"", named(nil, "spiffe://example.com/ci"), "spiffe://example.com/ci"},
		{"", named(nil), "serial "},
	} {
		issued := authority.Issue(c.named)
		rule := rule(authority)
		rule.Names = must(clientcert.ParseNames(c.names))
		want := good
		if c.want == "" {
			want = clientcert.WrongName
		}
		if got, refused := rule.Check(state(issued)); cause(refused) != want || !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, of %v %v: %q, %v", c.names, issued.Pair.Leaf.DNSNames, issued.Pair.Leaf.URIs, got, cause(refused))
		}
	}
}

// A pattern that can be read matches itself, read as a name, where nothing in it is a star.
func FuzzNames(f *testing.F) {
	for _, text := range []string{"ci.example.com", "*.a", "spiffe://example.com/ci/*", "a,b", "://", "a://b/%2f", "A://B?c", "*://a", "a://[::1]:1/b", "x:////"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, err := clientcert.ParseNames(text)
		if err != nil || len(names) != 1 || strings.Contains(text, "*") {
			return
		}
		text = strings.Trim(strings.TrimSpace(text), ",")
		text = strings.TrimSpace(text)
		leaf := &x509.Certificate{DNSNames: []string{text}}
		if strings.Contains(text, "://") {
			leaf = &x509.Certificate{URIs: []*url.URL{must(url.Parse(text))}}
		}
		if _, found := clientcert.Find(names, leaf); !found {
			t.Errorf("%q does not match itself", text)
		}
		if _, found := clientcert.Find(names, &x509.Certificate{DNSNames: []string{"x" + text}}); found {
			t.Errorf("%q matches what is longer", text)
		}
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
