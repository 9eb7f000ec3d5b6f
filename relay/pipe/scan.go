package pipe

import "unicode/utf8"

// Control characters that matter here.
const (
	bel = 0x07
	can = 0x18
	sub = 0x1a
	esc = 0x1b
)

// piece returns the length of the first piece of b that must not be cut: a
// UTF-8 character, an escape sequence, CR LF, or any single byte else. It
// returns 0 when b ends before that can be told. b is not empty.
//
// A malformed sequence ends before the byte that is wrong in it, so nothing a
// program prints can hold back what follows for long.
func piece(b []byte) int {
	switch {
	case b[0] == '\r':
		return carriageReturn(b)
	case b[0] == esc:
		return escape(b)
	case b[0] < utf8.RuneSelf:
		return 1
	default:
		return character(b)
	}
}

func carriageReturn(b []byte) int {
	switch {
	case len(b) == 1:
		return 0
	case b[1] == '\n':
		return 2
	default:
		return 1
	}
}

// character returns the length of the first UTF-8 character of b, 1 if it is
// invalid, 0 if it is not all there.
func character(b []byte) int {
	if !utf8.FullRune(b) {
		return 0
	}
	_, n := utf8.DecodeRune(b)
	return n
}

// escape measures a sequence of ECMA-48 or xterm's "Control Sequences".
func escape(b []byte) int {
	if len(b) == 1 {
		return 0
	}
	switch b[1] {
	case '[':
		return controlSequence(b)
	case ']', '_', '^', 'X': // OSC, APC, PM, SOS
		return controlString(b, true)
	case 'P': // DCS: pictures in it may have line ends
		return controlString(b, false)
	default:
		return shortEscape(b)
	}
}

// controlSequence measures CSI: parameters and intermediates, then a final byte.
func controlSequence(b []byte) int {
	for i := 2; i < len(b); i++ {
		switch c := b[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x7e:
			return i
		}
	}
	return 0
}

// controlString measures a string that ends with ST or, as xterm and CI systems
// write it, BEL. One with a line end in it was never ended by its program.
func controlString(b []byte, oneLine bool) int {
	for i := 2; i < len(b); i++ {
		switch b[i] {
		case bel, can, sub:
			return i + 1
		case '\n', '\r':
			if oneLine {
				return i
			}
		case esc:
			return stringEnd(b, i)
		}
	}
	return 0
}

// stringEnd measures a control string whose ESC at i may begin its ST.
func stringEnd(b []byte, i int) int {
	switch {
	case i+1 == len(b):
		return 0
	case b[i+1] == '\\':
		return i + 2
	default:
		return i
	}
}

// shortEscape measures ESC, intermediates and a final byte, as in ESC ( B.
func shortEscape(b []byte) int {
	i := 1
	for i < len(b) && b[i] >= 0x20 && b[i] <= 0x2f {
		i++
	}
	switch {
	case i == len(b):
		return 0
	case b[i] >= 0x30 && b[i] <= 0x7e:
		return i + 1
	default:
		return i
	}
}
