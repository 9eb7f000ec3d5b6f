package feed

import (
	"unsafe"

	"buildrelay/protocol"
)

// Frames lie side by side, in the order they were added. Written bytes never change
// and never move within their buffer, so that what Run returned stays valid while
// frames are added. The zero value is empty.
type Frames struct {
	buf       []byte
	entries   []entry
	excluding int // entries with an exclude, so that the common case need not look
}

type entry struct {
	end     int // where the frame ends in buf; it starts where the one before ends
	exclude string
	at      protocol.Position // of a reader behind the frame
}

// entrySize is what one entry takes.
const entrySize = int(unsafe.Sizeof(entry{}))

// MakeFrames returns no frames, with room for so many of so many bytes together.
func MakeFrames(count, size int) Frames {
	return Frames{buf: make([]byte, 0, size), entries: make([]entry, 0, count)}
}

// Add adds a frame that every reader gets but the one named exclude; at is the
// position of a reader behind it.
func (f *Frames) Add(frame []byte, exclude string, at protocol.Position) {
	f.buf = append(f.buf, frame...)
	f.entries = append(f.entries, entry{len(f.buf), exclude, at})
	if exclude != "" {
		f.excluding++
	}
}

// Len is how many frames there are.
func (f *Frames) Len() int { return len(f.entries) }

// At is the position of a reader behind frame i.
func (f *Frames) At(i int) protocol.Position { return f.entries[i].at }

// Run returns frames that lie side by side, from the given one on, of at most limit
// bytes or one frame, with those that exclude self left out; how many they are, and
// the frame behind them.
func (f *Frames) Run(from, limit int, self string) (run []byte, frames, next int) {
	if f.excluding > 0 {
		for from < len(f.entries) && f.entries[from].exclude == self {
			from++
		}
	}
	start := f.start(from)
	if f.excluding == 0 && len(f.buf)-start <= limit {
		return f.buf[start:len(f.buf):len(f.buf)], len(f.entries) - from, len(f.entries)
	}
	for next = from; next < len(f.entries); next++ {
		if f.excluding > 0 && f.entries[next].exclude == self {
			break
		}
		if next > from && f.entries[next].end-start > limit {
			break
		}
	}
	end := f.start(next)
	return f.buf[start:end:end], next - from, next
}

// Footprint is the memory that they take, in bytes.
func (f *Frames) Footprint() int { return cap(f.buf) + entrySize*cap(f.entries) }

// start is where frame i begins, and where the frame before it ends.
func (f *Frames) start(i int) int {
	if i == 0 {
		return 0
	}
	return f.entries[i-1].end
}
