package pipe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain returns the printable text of output: without escape sequences and
// control characters, invalid bytes as U+FFFD, a tab as a space.
func Plain(output []byte) string {
	var text strings.Builder
	for len(output) > 0 {
		n := piece(output)
		if n == 0 {
			n = max(1, character(output)) // incomplete: as if it were cut here
		}
		if output[0] != esc {
			writePrintable(&text, output[:n])
		}
		output = output[n:]
	}
	return text.String()
}

func writePrintable(text *strings.Builder, char []byte) {
	switch r, _ := utf8.DecodeRune(char); {
	case r == '\t':
		text.WriteByte(' ')
	case unicode.IsPrint(r):
		text.WriteRune(r)
	}
}
