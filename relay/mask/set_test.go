package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// awkward has what every encoding treats in its own way.
const awkward = "p@ss w0rd/+\"q\"'s' <b>&é€😀\\$x%"

func TestValuesAreFoundInEveryForm(t *testing.T) {
	quoted, _ := json.Marshal(awkward)
	for name, form := range map[string]string{
		"raw":               awkward,
		"base64":            base64.StdEncoding.EncodeToString([]byte(awkward)),
		"base64, by one":    base64.StdEncoding.EncodeToString([]byte("x" + awkward + "y")),
		"base64, by two":    base64.StdEncoding.EncodeToString([]byte("xy" + awkward + "yz")),
		"base64url":         base64.RawURLEncoding.EncodeToString([]byte("\n" + awkward + "\n")),
		"hex":               hex.EncodeToString([]byte(awkward)),
		"HEX":               strings.ToUpper(hex.EncodeToString([]byte(awkward))),
		"query":             url.QueryEscape(awkward),
		"path":              url.PathEscape(awkward),
		"query, lower case": lowerEscapes(url.QueryEscape(awkward)),
		"encodeURI":         "p%40ss%20w0rd%2F%2B%22q%22's'%20%3Cb%3E%26%C3%A9%E2%82%AC%F0%9F%98%80%5C%24x%25",
		"JSON":              `p@ss w0rd/+\"q\"'s' <b>&é€😀\\$x%`,
		"JSON for HTML":     strings.Trim(string(quoted), `"`),
		"JSON of PHP":       `p@ss w0rd\/+\"q\"'s' <b>&é€😀\\$x%`,
		"JSON of Python":    `p@ss w0rd/+\"q\"'s' <b>&\u00e9\u20ac\ud83d\ude00\\$x%`,
		"JSON in JSON":      `p@ss w0rd/+\\\"q\\\"'s' <b>&é€😀\\\\$x%`,
		"JSON in the shell": `p@ss w0rd/+\"q\"'\''s'\'' <b>&é€😀\\$x%`,
		"set -x":            `p@ss w0rd/+"q"'\''s'\'' <b>&é€😀\$x%`,
		"shlex":             `p@ss w0rd/+"q"'"'"'s'"'"' <b>&é€😀\$x%`,
		"in double quotes":  `p@ss w0rd/+\"q\"'s' <b>&é€😀\\\$x%`,
		"repr":              `p@ss w0rd/+"q"\'s\' <b>&é€😀\\$x%`,
	} {
		if got := mustSet(t, nil, awkward).Mask("<" + form + ">"); !strings.Contains(got, Stars) || len(got) > len("<xx***xx==>") {
			t.Errorf("%s: %q became %q", name, form, got)
		}
	}
}

func TestEachLineOfAValueIsMasked(t *testing.T) {
	const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n  hkiG9w0BAQEFAASC \nBKcwgg\n}\n-----END KEY-----\n"
	s := mustSet(t, nil, key)
	for in, want := range map[string]string{
		"a MIIEvQIBADANBgkq b":    "a *** b",
		"a hkiG9w0BAQEFAASC b":    "a *** b",
		"BKcwgg":                  "***",
		"-----BEGIN KEY-----\nno": "-----BEGIN KEY-----\nno",
		"{ }":                     "{ }",
		"x\n" + key:               "x\n***\n",
		base64.StdEncoding.EncodeToString([]byte("x BKcwgg y")): "eCB***cgeQ==",
	} {
		if got := s.Mask(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestValuesThatAreInAnyOutputAreRefused(t *testing.T) {
	refused := []string{
		"", "sh0rt", "a\nb\nc\n", "password", "PASSWORD", "'password'", "production", "localhost",
		"123456", "8080808", "aaaaaaaa", "------", "nul\x00nul", "{ \n \n \n }", strings.Repeat("long", 5000),
	}
	good := []string{"pa$$word1", "hunter2xyz", "12345679", "passwords-are", "true-or-false", strings.Repeat("long", 4000)}
	s, got := NewSet(append(refused, good...), nil)
	for i, v := range refused {
		if !slices.ContainsFunc(got, func(r Refused) bool { return r.Index == i }) {
			t.Errorf("%.20q is not refused", v)
		}
	}
	for _, r := range got {
		if r.Index >= len(refused) || r.Reason == "" {
			t.Errorf("%d is refused: %q", r.Index, r.Reason)
		} else if v := refused[r.Index]; len(v) > 4 && len(v) < 100 && strings.Contains(r.Reason, v) {
			t.Errorf("the reason tells the value: %s", r.Reason)
		}
	}
	for _, v := range good {
		if masked := s.Mask(v); masked != Stars {
			t.Errorf("%.20q became %.20q", v, masked)
		}
	}
}

func TestManyMaskersShareASet(t *testing.T) {
	s := mustSet(t, Shapes(), "hunter2xyz")
	a, b := s.New(), s.New()
	var out bytes.Buffer
	out.Write(a.Write([]byte("a hunt")))
	out.Write(b.Write([]byte("b hunt")))
	out.Write(a.Write([]byte("er2xyz")))
	out.Write(b.Write([]byte("ing\n")))
	out.Write(a.Flush())
	out.Write(b.Flush())
	if got := out.String(); got != "a b ***hunting\n" {
		t.Errorf("got %q", got)
	}
}
