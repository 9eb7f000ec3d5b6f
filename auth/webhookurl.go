package auth

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const longestWebhookURL = 4096

// ParseWebhookURL reads the URL of a webhook. Its error continues a sentence, "it must be
// …", and does not hold the URL, which may have a secret.
func ParseWebhookURL(text string) (*url.URL, error) {
	if len(text) > longestWebhookURL || strings.ContainsFunc(text, unseen) {
		return nil, errors.New("must be a URL of at most 4096 bytes, without spaces and control characters")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("must be a URL such as https://ci.example.com/hooks")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must begin with http:// or https://")
	case u.User != nil:
		return nil, errors.New("must not have a user")
	case strings.Contains(text, "#"):
		return nil, errors.New("must not have a fragment")
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
			return errors.New("must have a port from 1 to 65535")
		}
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if address.Zone() != "" {
			return errors.New("must not have a zone in its address")
		}
		return nil
	}
	if host == "" || strings.ContainsFunc(host, notOfHost) {
		return errors.New("must have a host of letters, digits, . - and _")
	}
	if isNumber(host) {
		return errors.New("must not have a number as its host: write an address such as 192.0.2.1")
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
