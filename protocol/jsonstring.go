package protocol

import (
	"strings"
	"unicode/utf8"
)

// A published data string reaches every client byte for byte, so strings are
// written here rather than by encoding/json, which would escape < > & and a few
// others. The two functions share one precondition: s is valid UTF-8.

const hexDigits = "0123456789abcdef"

// controlEscapes holds the letter after the backslash for each control
// character; 'u' begins the long form \u00XX.
const controlEscapes = "uuuuuuuubtnufruu" + "uuuuuuuuuuuuuuuu"

// validUTF8 returns s with its invalid bytes replaced by U+FFFD: a text frame
// with invalid UTF-8 costs every reader its connection.
func validUTF8(s string) string {
	if utf8.ValidString(s) { // several times as fast as ToValidUTF8
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// quotedLen returns how many bytes AppendQuoted appends for s.
func quotedLen(s string) int {
	n := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case !needsEscape(c):
		case escapeLetter(c) == 'u':
			n += len(`\u0000`) - 1
		default:
			n += len(`\n`) - 1
		}
	}
	return n
}

// AppendQuoted appends s to dst as a JSON string, escaping only what RFC 8259
// demands.
func AppendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	plain := 0 // start of what is not yet appended
	for i := range len(s) {
		c := s[i]
		if !needsEscape(c) {
			continue
		}
		dst = append(dst, s[plain:i]...)
		plain = i + 1
		letter := escapeLetter(c)
		dst = append(dst, '\\', letter)
		if letter == 'u' {
			dst = append(dst, '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
		}
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

func needsEscape(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// escapeLetter returns what follows the backslash for a byte that needs one.
func escapeLetter(c byte) byte {
	if c < ' ' {
		return controlEscapes[c]
	}
	return c
}
