package audit

import (
	"strings"
	"unicode"
)

// mostText is how many bytes of a text that somebody else chose a record of the relay's own
// holds.
const mostText = 300

// Clean makes a text that somebody else chose fit for a record: valid UTF-8 of at most 300
// bytes, without control characters and what else moves lines or turns their direction.
func Clean(text string) string {
	text = text[:min(len(text), mostText)]
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// whole makes a text one that any database and any reader of JSON takes, without leaving
// anything out: what is no UTF-8, and NUL, become U+FFFD.
func whole(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
