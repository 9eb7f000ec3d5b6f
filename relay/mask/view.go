package mask

import "slices"

// The most that lies between two bytes that a view shows as neighbours, and that lies
// in all of what may become a hit. Beyond it the view begins anew.
const (
	maxGap  = 4 << 10
	maxGaps = 64 << 10
)

// farBehind is how far the three bytes that may begin a value do not reach back, were it
// not for the longest sequences.
const farBehind = 64

// span is a run of the stream: the offsets of its first byte and of the one behind it.
type span struct{ from, to int64 }

// gap is a run that the views leave out.
type gap struct {
	span
	line bool // of line ends; else of a sequence, which the raw view has
}

// view is one way to read a stream: what it shows last, and what may become of it.
type view struct {
	raw    bool   // it shows escape sequences
	window uint64 // the last eight bytes
	breaks uint8  // a bit for each of them, set if a gap is before it
	apart  bool   // a gap is behind the last byte
	state  uint32 // of the automaton
	last   int64  // the end of the last byte
	gaps   int    // bytes that were left out since something may become a hit
	floor  int64  // no hit of a value begins before it
	live   []shape
}

// idle reports whether nothing that is longer than three bytes may become a hit.
func (v *view) idle() bool { return v.state == 0 && len(v.live) == 0 }

// same reports whether two views find the same from here on: what may become a value is
// the same in both, and begins behind both their floors or is cut by the same.
func (v *view) same(w *view) bool {
	return uint32(v.window) == uint32(w.window) && v.state == w.state && len(v.live)+len(w.live) == 0 &&
		(v.floor == w.floor || v.state == 0 && v.last-max(v.floor, w.floor) > farBehind)
}

// copyTo makes w show what v shows.
func (v *view) copyTo(w *view) {
	raw, live := w.raw, w.live[:0]
	*w = *v
	w.raw, w.live = raw, append(live, v.live...)
	for i := range w.live {
		w.live[i].text = slices.Clone(w.live[i].text) // both views add to it
	}
}

// inProgress is how many tokens of a kind are.
func (v *view) inProgress(k Kind) (n int) {
	for i := range v.live {
		if v.live[i].kind == k {
			n++
		}
	}
	return n
}

// put shifts a byte in.
func (v *view) put(c byte, end int64) {
	v.window = v.window<<8 | uint64(c)
	v.shift(1)
	v.last = end
}

// shift notes the gap before the first of n bytes.
func (v *view) shift(n int) {
	if v.apart {
		v.breaks, v.apart, n = v.breaks<<1|1, false, n-1
	}
	v.breaks <<= min(n, 8)
}

// leaveOut notes that the byte that ends at end is not shown.
func (v *view) leaveOut(end int64) {
	v.apart = true
	if v.gaps++; v.idle() {
		v.gaps = 0
	}
	if end-v.last > maxGap || v.gaps > maxGaps {
		v.window, v.state, v.gaps, v.live = 0, 0, 0, v.live[:0]
	}
}

// begins reports whether the last n bytes, at most seven, are not the rest of a word.
func (v *view) begins(n int) bool {
	before := byte(v.window >> (8 * n))
	return v.breaks>>(n-1)&1 != 0 || !isAlnum(before)
}

// back returns where the last n bytes of the view begin, given what it leaves out; the
// beginning of the first gap that is known if that is too far.
func (v *view) back(n int, gaps []gap) int64 {
	at := v.last
	for i := len(gaps) - 1; i >= 0; i-- {
		g := gaps[i]
		if v.raw && !g.line || g.from >= at {
			continue
		}
		if shown := at - g.to; int64(n) <= shown {
			break
		} else if shown > 0 {
			n -= int(shown)
		}
		at = g.from
	}
	return at - int64(n)
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
