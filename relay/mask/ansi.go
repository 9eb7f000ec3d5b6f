package mask

// sequence is where a stream stands in an escape sequence of ECMA-48 or xterm, as
// relay/pipe measures them. It goes byte by byte, so nothing waits for its end. A
// malformed one ends before the byte that is wrong in it.
type sequence struct{ at place }

type place uint8

const (
	text         place = iota
	escaped            // behind ESC
	intermediate       // behind ESC and intermediates
	parameters         // in CSI
	lineString         // in OSC, APC, PM, SOS, which a line end breaks off
	blockString        // in DCS
	stringEscape       // behind an ESC in one of them
)

const (
	bel = 0x07
	can = 0x18
	sub = 0x1a
	esc = 0x1b
)

// step reports whether c is text.
func (s *sequence) step(c byte) bool {
	switch s.at {
	case escaped:
		return s.introduced(c)
	case intermediate:
		return s.final(c, 0x30)
	case parameters:
		return s.final(c, 0x40)
	case lineString, blockString:
		return s.inString(c)
	case stringEscape:
		s.at = text
		return c != '\\' && s.step(c)
	default:
		return s.begins(c)
	}
}

func (s *sequence) begins(c byte) bool {
	s.at = text
	if c == esc {
		s.at = escaped
	}
	return c != esc
}

// introduced is the byte behind ESC.
func (s *sequence) introduced(c byte) bool {
	switch c {
	case '[':
		s.at = parameters
	case ']', '_', '^', 'X':
		s.at = lineString
	case 'P':
		s.at = blockString
	default:
		s.at = intermediate
		return s.final(c, 0x30)
	}
	return false
}

// final is a byte of a sequence that ends with one from lowest to 0x7e.
func (s *sequence) final(c, lowest byte) bool {
	switch {
	case c >= lowest && c <= 0x7e:
		s.at = text
		return false
	case c < ' ' || c > 0x7e:
		return s.begins(c)
	default:
		return false
	}
}

func (s *sequence) inString(c byte) bool {
	switch {
	case c == esc:
		s.at = stringEscape
	case c == bel || c == can || c == sub:
		s.at = text
	case s.at == lineString && (c == '\n' || c == '\r'):
		return s.begins(c)
	}
	return false
}
