package clientcert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"buildrelay/protocol"
)

// Names are patterns of names in certificates. None at all means that any name will do, and
// none, too.
type Names []pattern

// pattern is a DNS name, or an URI, in which each * stands for any characters; in an URI in
// its path alone.
type pattern struct {
	text string
	uri  bool
}

// mostPattern is the greatest length of a pattern: that of a SPIFFE id.
const mostPattern = 2048

// ParseNames reads patterns with commas between them.
func ParseNames(text string) (Names, error) {
	var names Names
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		p, err := parsePattern(part)
		if err != nil {
			return nil, fmt.Errorf("%.60q %w", part, err)
		}
		names = append(names, p)
	}
	if names == nil && strings.TrimSpace(text) != "" {
		return nil, errors.New("commas alone name nobody")
	}
	return names, nil
}

func parsePattern(text string) (pattern, error) {
	if len(text) > mostPattern {
		return pattern{}, fmt.Errorf("is longer than %d bytes", mostPattern)
	}
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" || strings.Contains(u.Host, "*") || !isPlain(u) || !strings.EqualFold(u.String(), text) {
			return pattern{}, errors.New("is no URI such as spiffe://example.com/ci/*, with * in its path alone, and nothing escaped")
		}
		return pattern{uriText(u), true}, nil
	}
	text = strings.ToLower(text)
	if !isDNS(text) {
		return pattern{}, errors.New("is neither a DNS name such as *.ci.example.com nor an URI; addresses and common names do not count")
	}
	return pattern{text, false}, nil
}

// isDNS says whether text may be the pattern of a DNS name.
func isDNS(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_.*"
	_, err := netip.ParseAddr(text)
	return err != nil && strings.Trim(text, letters) == "" && strings.Trim(text, ".") == text && !strings.Contains(text, "..")
}

// isPlain says whether an URI can be read in one way only.
func isPlain(u *url.URL) bool {
	clean := path.Clean("/" + u.Path)
	return u.Opaque == "" && u.User == nil && u.Host != "" && !u.ForceQuery && u.RawQuery == "" && u.Fragment == "" &&
		u.EscapedPath() == u.Path && (u.Path == "" || u.Path == clean || u.Path == clean+"/")
}

// uriText is an URI as it is compared.
func uriText(u *url.URL) string {
	return strings.ToLower(u.Scheme+"://"+u.Host) + u.Path
}

// find returns the first name of a certificate that one of the patterns matches.
func (n Names) find(cert *x509.Certificate) (name string, found bool) {
	named := namesOf(cert)
	if len(n) == 0 {
		if len(named) == 0 {
			return fmt.Sprintf("serial %x", cert.SerialNumber), true
		}
		return named[0].text, true
	}
	for _, name := range named {
		for _, p := range n {
			if p.uri == name.uri && protocol.Matches(p.text, name.text) {
				return name.text, true
			}
		}
	}
	return "", false
}

// namesOf are the names of a certificate that say who it is. A DNS name with a * is not one.
func namesOf(cert *x509.Certificate) (names []pattern) {
	for _, dns := range cert.DNSNames {
		if dns = strings.ToLower(dns); isDNS(dns) && !strings.Contains(dns, "*") {
			names = append(names, pattern{dns, false})
		}
	}
	for _, u := range cert.URIs {
		if isPlain(u) {
			names = append(names, pattern{uriText(u), true})
		}
	}
	return names
}
