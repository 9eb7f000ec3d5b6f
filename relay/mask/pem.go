package mask

import (
	"bytes"
	"strings"
)

const (
	maxLabel = 48       // of a PEM header
	minKey   = 16       // bytes of a key that make a hit
	maxKey   = 16 << 10 // bytes of a key
)

// pemHeader is the rest of a line that begins a private key. It is no secret.
func pemHeader(s *shape, c byte) verdict {
	s.from = -1
	if len(s.text) >= maxLabel || c == lineEnd {
		return over
	}
	s.note(c)
	label, closed := bytes.CutSuffix(s.text, []byte("-----"))
	if !closed {
		return going
	}
	if !bytes.HasSuffix(label, []byte(" PRIVATE KEY")) && !bytes.HasSuffix(label, []byte(" PRIVATE KEY BLOCK")) {
		return over
	}
	s.step, s.text = pemKey, s.text[:0]
	return begins
}

// pemKey is what stands between header and footer, the lines of an old header and
// escaped line ends included.
func pemKey(s *shape, c byte) verdict {
	dash := c == '-'
	switch {
	case c == lineEnd && s.n == 0:
		return begins
	case c == lineEnd:
		return going
	case dash && len(s.text) > 0, s.n > maxKey:
		return over
	case !isAlnum(c) && strings.IndexByte("+/=:,- \t\\", c) < 0:
		return over
	}
	s.text = s.text[:0]
	if dash {
		s.text = append(s.text, c) // two end the key
	}
	if s.n++; s.n < minKey {
		return going
	}
	return hit
}
