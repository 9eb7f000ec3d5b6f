package feed

import (
	"slices"
	"sync"
	"unsafe"

	"buildrelay/protocol"
)

const (
	// firstSize is what a store starts with; it holds a flush window's lines of
	// an ordinary build.
	firstSize = 8 << 10
	// pooledSize is the largest store that is kept for another feed.
	pooledSize = 64 << 10
	// entrySize is what one entry of store.frames takes.
	entrySize = int(unsafe.Sizeof(entry{}))
)

// store is the memory of a feed that retains something. Quiet feeds have none:
// stores go round among the feeds that are busy.
//
// Written bytes never change and never move within buf, so that a run stays
// valid while frames are added, dropped, or moved to a larger buffer.
type store struct {
	buf       []byte
	frames    []entry
	excluding int // entries with an exclude, so that the common case need not look
}

type entry struct {
	end     int // where the frame ends in buf; it starts where the one before ends
	exclude string
	at      protocol.Position // of a reader behind the frame
}

// stores holds released stores, all empty.
//
//nolint:gochecknoglobals // a pool is of use only when all feeds share it
var stores = sync.Pool{New: func() any {
	return &store{buf: make([]byte, 0, firstSize), frames: make([]entry, 0, firstSize/128)}
}}

func takeStore() *store { return stores.Get().(*store) }

// release gives the store back. No run of it may be in use.
func (s *store) release() {
	if s.footprint() > pooledSize {
		return
	}
	clear(s.frames) // lets go of the strings
	s.buf, s.frames, s.excluding = s.buf[:0], s.frames[:0], 0
	stores.Put(s)
}

// append adds a frame. When it needs room it leaves the first dropped frames
// behind, and it returns how many it left.
func (s *store) append(dropped int, frame []byte, e entry) (left int) {
	if need := len(s.buf) + len(frame); need > cap(s.buf) {
		kept := len(s.buf) - s.start(dropped)
		s.move(dropped, max(firstSize, 2*kept, kept+len(frame)))
		left = dropped
	}
	s.buf = append(s.buf, frame...)
	e.end = len(s.buf)
	s.frames = append(s.frames, e)
	if e.exclude != "" {
		s.excluding++
	}
	return left
}

// move takes all but the first dropped frames to a new buffer of the given size.
func (s *store) move(dropped, size int) {
	start := s.start(dropped)
	s.buf = append(make([]byte, 0, size), s.buf[start:]...)
	s.frames = slices.Clone(s.frames[dropped:])
	s.excluding = 0
	for i := range s.frames {
		s.frames[i].end -= start
		if s.frames[i].exclude != "" {
			s.excluding++
		}
	}
}

// run finds the frames [from, to) that lie side by side, from at on, of at most
// limit bytes or one frame, with those that exclude self left out.
func (s *store) run(at, limit int, self string) (from, to int) {
	from = at
	if s.excluding > 0 {
		for from < len(s.frames) && s.frames[from].exclude == self {
			from++
		}
	}
	start := s.start(from)
	if s.excluding == 0 && len(s.buf)-start <= limit {
		return from, len(s.frames)
	}
	for to = from; to < len(s.frames); to++ {
		if s.excluding > 0 && s.frames[to].exclude == self {
			break
		}
		if to > from && s.frames[to].end-start > limit {
			break
		}
	}
	return from, to
}

func (s *store) bytes(from, to int) []byte { return s.buf[s.start(from):s.start(to):s.start(to)] }

// start is where frame i begins, and where the frame before it ends.
func (s *store) start(i int) int {
	if i == 0 {
		return 0
	}
	return s.frames[i-1].end
}

func (s *store) footprint() int { return cap(s.buf) + entrySize*cap(s.frames) }
