package transport

import (
	"errors"

	"buildrelay/protocol"
)

const (
	// maxFragments is how many frames one message may come in, at the least.
	maxFragments = 64
	// fragmentSize is how large the frames must be of a message that comes in more; some
	// libraries send 4 KiB.
	fragmentSize = 2 << 10
)

var (
	errFragments = errors.New("message in too many fragments")
	errLength    = errors.New("malformed length")
)

// scanner follows the frames that a client sends (RFC 6455, 5.2), for what
// gorilla does not look at: the number of fragments of a message, among them
// fragments without a byte, and lengths that are written as they must not be. It
// looks at headers only; all else is gorilla's to judge.
type scanner struct {
	header     [14]byte
	have       int    // bytes of header so far
	limit      int64  // bytes that a message may have
	payload    uint64 // bytes of the frame's payload still to come
	fragments  int    // frames of the message so far
	unfinished bool   // inside a fragmented message
}

// between says whether no frame and no message is under way.
func (s *scanner) between() bool { return s.have == 0 && s.payload == 0 && !s.unfinished }

// scan looks at the next bytes of the stream.
func (s *scanner) scan(p []byte) error {
	for len(p) > 0 {
		if s.payload > 0 {
			n := min(s.payload, uint64(len(p)))
			s.payload -= n
			p = p[n:]
			continue
		}
		s.header[s.have] = p[0]
		s.have++
		p = p[1:]
		if s.have == s.headerSize() {
			if err := s.frame(); err != nil {
				return err
			}
			s.have = 0
		}
	}
	return nil
}

// headerSize is the size of the header, as far as it is known by now.
func (s *scanner) headerSize() int {
	if s.have < 2 {
		return 2
	}
	size := 2
	switch s.header[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if s.header[1]&0x80 != 0 {
		size += 4
	}
	return size
}

// frame takes in a complete header.
func (s *scanner) frame() error {
	s.payload = s.length()
	if !s.lengthAllowed() {
		return errLength
	}
	if opcode := s.header[0] & 0x0f; opcode >= protocol.OpClose {
		return nil // control frames may come between fragments
	}
	final := s.header[0]&0x80 != 0
	s.fragments++
	s.unfinished = !final
	if final {
		s.fragments = 0
	}
	if int64(s.fragments) >= max(maxFragments, s.limit/fragmentSize) {
		return errFragments
	}
	return nil
}

func (s *scanner) length() uint64 {
	short := uint64(s.header[1] & 0x7f)
	size := 0
	switch short {
	case 126:
		size = 2
	case 127:
		size = 8
	default:
		return short
	}
	var n uint64
	for _, b := range s.header[2 : 2+size] {
		n = n<<8 | uint64(b)
	}
	return n
}

// lengthAllowed says whether the length is written in the fewest bytes, without
// the highest bit (5.2), and, of a close frame, whether it leaves room for a code
// or for nothing (5.5.1).
func (s *scanner) lengthAllowed() bool {
	switch s.header[1] & 0x7f {
	case 126:
		return s.payload > 125
	case 127:
		return s.payload > 0xffff && s.payload < 1<<63
	case 1:
		return s.header[0]&0x0f != protocol.OpClose
	default:
		return true
	}
}
