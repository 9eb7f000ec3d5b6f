package protocol

import (
	"strings"
	"unicode/utf8"
)

// A published data string reaches every client byte for byte, so strings are
// written here rather than by encoding/json, which would escape < > & and a few
// others. The two functions share one precondition: s is valid UTF-8.

const hexDigits = "0123456789abcdef"

// validUTF8 returns s with its invalid bytes replaced by U+FFFD: a text frame
// with invalid UTF-8 costs every reader its connection.
func validUTF8(s string) string {
	if utf8.ValidString(s) { // several times as fast as ToValidUTF8
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// quotedLen returns how many bytes appendQuoted appends for s.
func quotedLen(s string) int {
	n := len(s) + len(`""`)
	for i := range len(s) {
		if !needsEscape(s[i]) {
			continue
		}
		if shortEscape(s[i]) != 0 {
			n += len(`\n`) - 1
		} else {
			n += len(`\u0000`) - 1
		}
	}
	return n
}

// appendQuoted appends s to dst as a JSON string, escaping only what RFC 8259
// demands.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0
	for i := range len(s) {
		c := s[i]
		if !needsEscape(c) {
			continue
		}
		dst = append(dst, s[plain:i]...)
		plain = i + 1
		if short := shortEscape(c); short != 0 {
			dst = append(dst, '\\', short)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

func needsEscape(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// shortEscape returns the letter of c's two-character escape, 0 if it has none.
func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	default:
		return 0
	}
}
