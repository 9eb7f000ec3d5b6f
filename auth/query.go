package auth

import (
	"fmt"
	"slices"
	"strings"
)

// param is one parameter of a query: its name in lower case, both parts decoded.
type param struct{ name, value string }

// parseQuery parses a query as the senders of signed requests write it, which
// net/url does not: pusher-http-go sends values unescaped, so a ';' separates
// nothing and a '%' without two hex digits stands for itself. A '+' is a space
// if plusIsSpace. The parameters keep their order.
//
// The string to sign is not escaped, so that "a=1%26b=2" would be signed like
// "a=1&b=2". Names and values that can play such tricks are refused.
func parseQuery(raw string, plusIsSpace bool) ([]param, error) {
	var params []param
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		p := param{strings.ToLower(unescape(name, plusIsSpace)), unescape(value, plusIsSpace)}
		if p.name == "" || strings.ContainsAny(p.name, "=&\r\n") || strings.ContainsAny(p.value, "&\r\n") {
			return nil, fmt.Errorf("Invalid query parameter: '%s'", pair)
		}
		params = append(params, p)
	}
	return params, nil
}

// unescape decodes every %XX in s.
func unescape(s string, plusIsSpace bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		case s[i] == '+' && plusIsSpace:
			b = append(b, ' ')
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// value returns the value of the first parameter called name.
func value(params []param, name string) string {
	i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if i < 0 {
		return ""
	}
	return params[i].value
}

// baseString returns what an HTTP request signs: method, path and every
// parameter but the signature, sorted by name; parameters of the same name keep
// their order.
func baseString(method, path string, params []param) string {
	sorted := slices.Clone(params)
	slices.SortStableFunc(sorted, func(a, b param) int { return strings.Compare(a.name, b.name) })
	var pairs []string
	for _, p := range sorted {
		if p.name != "auth_signature" {
			pairs = append(pairs, p.name+"="+p.value)
		}
	}
	return strings.ToUpper(method) + "\n" + path + "\n" + strings.Join(pairs, "&")
}
