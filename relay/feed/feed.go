// Package feed keeps the recent frames of one channel on one node.
//
// A feed is an append-only sequence of frames, numbered from 0. Every reader
// of the channel reads the same feed, and all it owns there is a [Cursor], the
// number of the frame it reads next. Appending never waits for a reader: a feed
// is bounded, and a reader that fell behind its bound is told how many frames
// it missed.
//
// The frames of a log channel have positions in its log. Behind a frame that has
// none the position is still that of the frame before.
package feed

import (
	"sync"

	"buildrelay/protocol"
)

// MaxRetained is the most that one feed retains, in bytes of frames. A reader
// that lags by more loses the oldest.
const MaxRetained = 256 << 10

// Cursor is a reader's place in a feed: the number of the frame it reads next.
type Cursor uint64

// Feed is safe for concurrent use. No method blocks, but for its mutex. The
// zero value is an empty feed that is accounted nowhere.
type Feed struct {
	budget *Budget

	mu      sync.Mutex
	base    Cursor // number of the store's first frame
	dropped int    // frames at the head of the store that are no longer retained
	store   *store // nil while nothing is retained
	// before is the position before the store's first frame.
	before protocol.Position
}

// New returns an empty feed whose memory counts against b.
func New(b *Budget) *Feed { return &Feed{budget: b} }

// Run is what a reader gets in one read.
type Run struct {
	// Bytes holds whole frames, back to back. They lie in the feed: they must
	// not be changed, and stay valid until a Trim past Next.
	Bytes []byte
	// Frames is how many frames Bytes holds.
	Frames int
	// Next is where the reader goes on, and At the position there.
	Next Cursor
	At   protocol.Position
	// Lost is how many frames before Bytes are gone, 0 for a reader in time.
	Lost uint64
	// More says that the feed holds frames from Next on.
	More bool
}

// Append adds a frame that every reader gets but the one named exclude, the
// socket id of the event's sender; it is empty when there is none. at is the frame's
// position in the log, nil for a frame that has none.
func (f *Feed) Append(frame []byte, exclude string, at *protocol.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	position := f.at(f.end())
	if at != nil {
		position = *at
	}
	if f.store == nil {
		f.store = takeStore()
		f.budget.add(f.store.Footprint())
	}
	before := f.store.Footprint()
	left := f.at(f.base + Cursor(f.dropped))
	if n := f.store.append(f.dropped, frame, exclude, position); n > 0 {
		f.advance(n, left)
	}
	for f.retained() > MaxRetained && f.dropped < f.store.Len()-1 {
		f.dropped++
	}
	f.budget.add(f.store.Footprint() - before)
}

// End is the cursor of a reader that has read everything.
func (f *Feed) End() Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end()
}

// At is the position at the feed's end.
func (f *Feed) At() protocol.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at(f.end())
}

// Read returns frames from at on for the reader named self (its socket id), at most limit bytes
// but at least one frame where there is one. Frames that exclude self are passed
// over, so a run may be shorter than what is there: read on while More is set.
func (f *Feed) Read(at Cursor, limit int, self string) Run {
	f.mu.Lock()
	defer f.mu.Unlock()
	var run Run
	if first := f.base + Cursor(f.dropped); at < first {
		run.Lost, at = uint64(first-at), first
	}
	if f.store == nil || at >= f.end() {
		run.Next, run.At = at, f.at(at)
		return run
	}
	var next int
	run.Bytes, run.Frames, next = f.store.Run(int(at-f.base), limit, self)
	run.Next = f.base + Cursor(next)
	run.At = f.at(run.Next)
	run.More = run.Next < f.end()
	return run
}

// Seek returns the first cursor, from the given one on, that has the position at;
// false where none has that is still retained.
func (f *Feed) Seek(from Cursor, at protocol.Position) (Cursor, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := max(from, f.base+Cursor(f.dropped)); c <= f.end(); c++ {
		if f.at(c) == at {
			return c, true
		}
	}
	return 0, false
}

// Break makes every reader lose something: what follows does not continue what
// came before. at is the position before the next frame. Runs in use stay valid.
func (f *Feed) Break(at protocol.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.base, f.dropped = f.end()+1, 0
	if f.store != nil {
		f.budget.add(-f.store.Footprint())
		f.store = nil
	}
	f.before = at
}

// Trim forgets the frames before low, which must be at most the smallest cursor
// of all readers, and no run that ends after low may be in use.
func (f *Feed) Trim(low Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.store == nil:
	case low >= f.end():
		f.budget.add(-f.store.Footprint())
		f.before = f.at(f.end())
		f.base, f.dropped = f.end(), 0
		f.store.release()
		f.store = nil
	case low > f.base+Cursor(f.dropped):
		f.dropped = int(low - f.base)
	}
}

// Cut drops the oldest frames until at most keep bytes are retained and gives
// the memory back. Runs in use stay valid.
func (f *Feed) Cut(keep int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		return
	}
	before := f.store.Footprint()
	for f.dropped < f.store.Len() && f.retained() > keep {
		f.dropped++
	}
	left := f.at(f.base + Cursor(f.dropped))
	f.store.move(f.dropped, f.retained())
	f.advance(f.dropped, left)
	f.budget.add(f.store.Footprint() - before)
}

// Footprint is the memory that the feed holds, in bytes.
func (f *Feed) Footprint() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		return 0
	}
	return f.store.Footprint()
}

func (f *Feed) end() Cursor {
	if f.store == nil {
		return f.base
	}
	return f.base + Cursor(f.store.Len())
}

// at is the position at a cursor from base to the end.
func (f *Feed) at(c Cursor) protocol.Position {
	if c == f.base {
		return f.before
	}
	return f.store.At(int(c-f.base) - 1)
}

func (f *Feed) retained() int { return len(f.store.buf) - f.store.start(f.dropped) }

// advance notes that the store left its first n frames behind; at is the position
// where it begins now.
func (f *Feed) advance(n int, at protocol.Position) {
	f.base += Cursor(n)
	f.dropped -= n
	f.before = at
}
