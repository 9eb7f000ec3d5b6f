package auth

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// param is one parameter of a query: its name in lower case, both parts decoded.
type param struct{ name, value string }

// params are the parameters of a query in the order they were sent.
type params []param

var (
	errParameter = errors.New("Invalid query parameter")
	errDuplicate = errors.New("Duplicate query parameter")
)

// parseQuery parses a query as the senders of signed requests write it, which
// net/url does not: pusher-http-go sends values unescaped, so a ';' separates
// nothing and a '%' without two hex digits stands for itself. A '+' is a space
// if plusIsSpace.
//
// The string to sign is not escaped: "info=a%26b%3D1" would be signed like
// "info=a&b=1", one parameter like two. Whatever could be read in such a way is
// an error, and so is a second value for a parameter of the signature itself.
func parseQuery(raw string, plusIsSpace bool) (params, error) {
	var q params
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		p := param{strings.ToLower(unescape(name, plusIsSpace)), unescape(value, plusIsSpace)}
		if p.name == "" || strings.ContainsAny(p.name, "=&\r\n") || strings.ContainsAny(p.value, "&\r\n") {
			return nil, errParameter
		}
		if p.once() && q.has(p.name) {
			return nil, errDuplicate
		}
		q = append(q, p)
	}
	return q, nil
}

// values returns the parameters by name, the values of one name in order.
func (q params) values() url.Values {
	values := url.Values{}
	for _, p := range q {
		values.Add(p.name, p.value)
	}
	return values
}

// once reports whether the parameter belongs to the signature.
func (p param) once() bool { return strings.HasPrefix(p.name, "auth_") || p.name == "body_md5" }

func (q params) has(name string) bool { return q.index(name) >= 0 }

// get returns the value of the first parameter called name, "" if there is none.
func (q params) get(name string) string {
	if i := q.index(name); i >= 0 {
		return q[i].value
	}
	return ""
}

func (q params) index(name string) int {
	return slices.IndexFunc(q, func(p param) bool { return p.name == name })
}

// paramsOf returns the parameters in values as parseQuery would.
func paramsOf(values url.Values) params {
	var q params
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			q = append(q, param{strings.ToLower(name), value})
		}
	}
	return q
}

// baseString returns what an HTTP API request signs: the method, the path, and
// every parameter but the signature, sorted by name. Parameters of one name, an
// array's "name[]", keep their order.
func baseString(method, path string, q params) string {
	sorted := slices.SortedStableFunc(slices.Values(q), func(a, b param) int {
		return strings.Compare(a.name, b.name)
	})
	pairs := make([]string, 0, len(sorted))
	for _, p := range sorted {
		if p.name != "auth_signature" {
			pairs = append(pairs, p.name+"="+p.value)
		}
	}
	return strings.ToUpper(method) + "\n" + path + "\n" + strings.Join(pairs, "&")
}
