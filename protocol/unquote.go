package protocol

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote returns the text of quoted, a valid JSON string in valid UTF-8. Half a
// surrogate pair becomes U+FFFD. It does what json.Unmarshal does, without
// looking at every byte three times.
func Unquote(quoted []byte) string {
	rest := quoted[1 : len(quoted)-1]
	escape := bytes.IndexByte(rest, '\\')
	if escape < 0 {
		return string(rest)
	}
	var b strings.Builder
	b.Grow(len(rest))
	for ; escape >= 0; escape = bytes.IndexByte(rest, '\\') {
		b.Write(rest[:escape])
		rest = unescape(&b, rest[escape:])
	}
	b.Write(rest)
	return b.String()
}

// unescape writes what the escape at the start of s stands for, and returns what
// follows the escape.
func unescape(b *strings.Builder, s []byte) (rest []byte) {
	c := s[1]
	if c == 'u' {
		r, n := decodeHex(s)
		b.WriteRune(r)
		return s[n:]
	}
	if i := strings.IndexByte(controlEscapes, c); i >= 0 {
		c = byte(i)
	}
	b.WriteByte(c)
	return s[2:]
}

// decodeHex returns the character of the escape \uXXXX at the start of s, or of
// the surrogate pair of two such escapes, and their length.
func decodeHex(s []byte) (r rune, n int) {
	r = hex4(s)
	if !utf16.IsSurrogate(r) {
		return r, len(`\uXXXX`)
	}
	if r = utf16.DecodeRune(r, hex4(s[len(`\uXXXX`):])); r == utf8.RuneError {
		return r, len(`\uXXXX`)
	}
	return r, len(`\uXXXX\uXXXX`)
}

// hex4 returns the code unit of the escape \uXXXX at the start of s, -1 if there
// is none.
func hex4(s []byte) rune {
	if len(s) < len(`\uXXXX`) || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		r = r<<4 | rune(unhex(c))
	}
	return r
}

// unhex returns the value of a hex digit of either case.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xF + 9
}
