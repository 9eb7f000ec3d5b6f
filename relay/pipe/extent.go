package pipe

import "unicode/utf8"

// extent is how long a run of output is, raw and as JSON.
type extent struct {
	n    int // bytes
	text int // bytes inside a JSON string
	bad  int // bytes that are not valid UTF-8
}

// measure returns the extent of b.
func measure(b []byte) extent {
	e := extent{n: len(b)}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			e.bad++
		} else {
			e.text += textSize(r, n)
		}
		b = b[n:]
	}
	return e
}

// textSize returns how many bytes encoding/json, without HTML escaping, writes
// for a character of n bytes.
func textSize(r rune, n int) int {
	switch r {
	case '"', '\\', '\b', '\f', '\n', '\r', '\t':
		return len(`\n`)
	case '\u2028', '\u2029':
		return len(`\u2028`)
	}
	if r < ' ' {
		return len(`\u001b`)
	}
	return n
}

func (e extent) plus(f extent) extent {
	return extent{e.n + f.n, e.text + f.text, e.bad + f.bad}
}

func (e extent) minus(f extent) extent {
	return extent{e.n - f.n, e.text - f.text, e.bad - f.bad}
}

// size returns the length of the run inside its event: as text, or as base64
// where it is not valid UTF-8.
func (e extent) size() int {
	if e.bad == 0 {
		return e.text
	}
	return (e.n + 2) / 3 * 4
}
