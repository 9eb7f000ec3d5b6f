package feed

import (
	"slices"
	"sync"

	"buildrelay/protocol"
)

const (
	// firstSize is what a store starts with; it holds a flush window's lines of
	// an ordinary build.
	firstSize = 8 << 10
	// pooledSize is the largest store that is kept for another feed.
	pooledSize = 64 << 10
)

// store is the memory of a feed that retains something. Quiet feeds have none:
// stores go round among the feeds that are busy.
type store struct{ Frames }

// stores holds released stores, all empty.
//
//nolint:gochecknoglobals // a pool is of use only when all feeds share it
var stores = sync.Pool{New: func() any {
	return &store{MakeFrames(firstSize/128, firstSize)}
}}

func takeStore() *store { return stores.Get().(*store) }

// release gives the store back. No run of it may be in use.
func (s *store) release() {
	if s.Footprint() > pooledSize {
		return
	}
	clear(s.entries) // lets go of the strings
	s.buf, s.entries, s.excluding = s.buf[:0], s.entries[:0], 0
	stores.Put(s)
}

// append adds a frame. When it needs room it leaves the first dropped frames
// behind, and it returns how many it left.
func (s *store) append(dropped int, frame []byte, exclude string, at protocol.Position) (left int) {
	if need := len(s.buf) + len(frame); need > cap(s.buf) {
		kept := len(s.buf) - s.start(dropped)
		s.move(dropped, max(firstSize, 2*kept, kept+len(frame)))
		left = dropped
	}
	s.Add(frame, exclude, at)
	return left
}

// move takes all but the first dropped frames to a new buffer of the given size.
func (s *store) move(dropped, size int) {
	start := s.start(dropped)
	s.buf = append(make([]byte, 0, size), s.buf[start:]...)
	s.entries = slices.Clone(s.entries[dropped:])
	s.excluding = 0
	for i := range s.entries {
		s.entries[i].end -= start
		if s.entries[i].exclude != "" {
			s.excluding++
		}
	}
}
