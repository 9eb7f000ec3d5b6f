package webhook

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const longestURL = 4096

// parseURL reads the URL of a webhook. The error is [forbidden] and does not hold the URL,
// which may have a secret.
func parseURL(text string) (*url.URL, error) {
	if len(text) > longestURL || strings.ContainsFunc(text, unseen) {
		return nil, forbidden("the URL is too long, or has a space or a control character")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, forbidden("not a URL such as https://ci.example.com/hooks")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, forbidden("the URL must begin with http:// or https://")
	case u.User != nil:
		return nil, forbidden("the URL has a user")
	case strings.Contains(text, "#"):
		return nil, forbidden("the URL has a fragment")
	}
	return u, checkHost(u)
}

// unseen says whether r has no place in a URL.
func unseen(r rune) bool { return r <= ' ' || r == 0x7F }

// checkHost wants a name that a URL cannot hide behind, or an address as one writes it.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return forbidden("the port of the URL is no port")
		}
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Zone() != "" {
			return forbidden("the address of the URL has a zone")
		}
		return nil
	}
	if host == "" || strings.ContainsFunc(host, notOfHost) {
		return forbidden("the URL has no host, or one with other characters than letters, digits, . - and _")
	}
	if isNumber(host) {
		return forbidden("the host of the URL is a number: write an address such as 192.0.2.1")
	}
	return nil
}

// notOfHost says whether r has no place in a host's name. Names of other alphabets are
// written in Punycode.
func notOfHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
}

// isNumber says whether a host's last label is a number, decimal or hexadecimal: such a
// host is an address for some, such as 127.1, and a name for others.
func isNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	label := host[strings.LastIndexByte(host, '.')+1:]
	if digits, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
