package mask

import "strings"

const upperHex = "0123456789ABCDEF"

// urlEncoder is one who escapes a value for an URL.
type urlEncoder struct {
	keep string // what it leaves alone, beside letters and digits
	plus bool   // for a space
}

// urlEncoders are the usual ones, where they differ.
func urlEncoders() []urlEncoder {
	return []urlEncoder{
		{"-_.~", false},                    // RFC 3986, jq's @uri, PHP's rawurlencode
		{"-_.~", true},                     // Go's QueryEscape, Python's quote_plus
		{"-_.~/", false},                   // Python's quote
		{"-_.~$&+=:@", false},              // Go's PathEscape
		{"-_.~$&+,;=", false},              // Go's UserPassword
		{"-_.", true},                      // PHP's urlencode
		{"-_.*", true},                     // URLSearchParams, Java's URLEncoder
		{"-_.!*()", true},                  // .NET's UrlEncode
		{"-_.~!*'()", false},               // encodeURIComponent
		{"-_.~!*'();/?:@&=+$,#", false},    // encodeURI
		{"-_.~!*'()$&+,%", false},          // URL.password
		{"-_.~!*'()$&+,%/:;=@[]|^", false}, // URL.pathname
	}
}

// urlForms are the ways to escape a value in an URL. Encoders differ in the case of the
// digits, too.
func urlForms(v string) (all []string) {
	for _, e := range urlEncoders() {
		form := e.escape(v)
		all = append(all, form, lowerEscapes(form))
	}
	return all
}

func (e urlEncoder) escape(v string) string {
	var b strings.Builder
	for _, c := range []byte(v) {
		switch {
		case isAlnum(c) || strings.IndexByte(e.keep, c) >= 0:
			b.WriteByte(c)
		case c == ' ' && e.plus:
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&0xf]})
		}
	}
	return b.String()
}

// lowerEscapes returns %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}
