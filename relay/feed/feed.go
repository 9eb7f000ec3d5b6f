// Package feed keeps the recent frames of one channel on one node.
//
// A feed is an append-only sequence of frames, numbered from 0. Every reader
// of the channel reads the same feed, and all it owns there is a [Cursor], the
// number of the frame it reads next. Appending never waits for a reader: a feed
// is bounded, and a reader that fell behind its bound is told how many frames
// it missed.
package feed

import "sync"

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
	// Next is where the reader goes on.
	Next Cursor
	// Lost is how many frames before Bytes are gone, 0 for a reader in time.
	Lost uint64
	// More says that the feed holds frames from Next on.
	More bool
}

// Append adds a frame that every reader gets but the one named exclude, the
// socket id of the event's sender; it is empty when there is none.
func (f *Feed) Append(frame []byte, exclude string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		f.store = takeStore()
		f.budget.add(f.store.footprint())
	}
	before := f.store.footprint()
	f.advance(f.store.append(f.dropped, frame, exclude))
	for f.retained() > MaxRetained && f.dropped < len(f.store.frames)-1 {
		f.dropped++
	}
	f.budget.add(f.store.footprint() - before)
}

// End is the cursor of a reader that has read everything.
func (f *Feed) End() Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end()
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
		run.Next = at
		return run
	}
	from, to := f.store.run(int(at-f.base), limit, self)
	run.Bytes, run.Frames = f.store.bytes(from, to), to-from
	run.Next = f.base + Cursor(to)
	run.More = run.Next < f.end()
	return run
}

// Trim forgets the frames before low, which must be at most the smallest cursor
// of all readers, and no run that ends after low may be in use.
func (f *Feed) Trim(low Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.store == nil:
	case low >= f.end():
		f.budget.add(-f.store.footprint())
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
	before := f.store.footprint()
	for f.dropped < len(f.store.frames) && f.retained() > keep {
		f.dropped++
	}
	f.store.move(f.dropped, f.retained())
	f.advance(f.dropped)
	f.budget.add(f.store.footprint() - before)
}

// Footprint is the memory that the feed holds, in bytes.
func (f *Feed) Footprint() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.store == nil {
		return 0
	}
	return f.store.footprint()
}

func (f *Feed) end() Cursor {
	if f.store == nil {
		return f.base
	}
	return f.base + Cursor(len(f.store.frames))
}

func (f *Feed) retained() int { return len(f.store.buf) - f.store.start(f.dropped) }

// advance notes that the store left its first n frames behind.
func (f *Feed) advance(n int) {
	f.base += Cursor(n)
	f.dropped -= n
}
