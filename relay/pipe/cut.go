package pipe

import "bytes"

// Stream says which of the command's outputs bytes come from. What is
// incomplete is kept apart for each, so that a line of the one never falls into
// a character or sequence of the other.
type Stream uint8

// The streams of a command. With one pipe for both, everything is Stdout.
const (
	Stdout Stream = iota
	Stderr
	streams
)

// minCutLimit leaves room for any character and for CR LF.
const minCutLimit = 16

// Cutter cuts output into batches whose JSON is at most a limit long. It never
// cuts inside a UTF-8 character, an escape sequence or CR LF, and prefers to cut
// behind a line end; only what alone exceeds the limit is cut anyway. The
// batches of one stream, put together, are exactly what was written.
//
// It holds at most two limits of bytes, and is not safe for concurrent use.
type Cutter struct {
	limit int
	tails [streams][]byte // the beginnings of pieces that are not all there yet

	buf   []byte // the next batch: whole pieces only
	batch extent // of buf
	line  extent // of buf up to and with its last line end
}

// NewCutter returns a cutter of batches whose [encodedSize] is at most limit
// bytes, at least 16.
func NewCutter(limit int) *Cutter {
	return &Cutter{limit: max(limit, minCutLimit)}
}

// Write takes what a stream printed and returns the batches that are full, in
// order. The batches do not share memory with p.
func (c *Cutter) Write(s Stream, p []byte) (full [][]byte) {
	rest := p
	if len(c.tails[s]) > 0 {
		rest = append(c.tails[s], p...)
	}
	for len(rest) > 0 {
		n := c.next(rest)
		if n == 0 {
			break
		}
		full = c.add(full, rest[:n])
		rest = rest[n:]
	}
	c.tails[s] = append(c.tails[s][:0], rest...)
	return full
}

// Flush returns what is whole as a batch, nil if there is nothing. Incomplete
// pieces stay.
func (c *Cutter) Flush() []byte {
	if c.batch.n == 0 {
		return nil
	}
	return c.take(c.batch)
}

// Close returns everything that is left, incomplete pieces included.
func (c *Cutter) Close() (rest [][]byte) {
	for s, tail := range c.tails {
		if len(tail) > 0 {
			rest = c.add(rest, tail)
			c.tails[s] = nil
		}
	}
	if last := c.Flush(); last != nil {
		rest = append(rest, last)
	}
	return rest
}

// Pending reports whether Flush would return something.
func (c *Cutter) Pending() bool { return c.batch.n > 0 }

// next returns the length of the first piece of b, 0 if more must come first.
// A sequence over the limit falls apart into its characters. It is the same
// wherever b ends: a sequence that is over the limit stays so, however it goes on.
func (c *Cutter) next(b []byte) int {
	window := b[:min(len(b), c.limit+1)]
	n := piece(window)
	if n == 1 {
		return 1
	}
	unit := window
	if n > 0 {
		unit = window[:n]
	}
	if measure(unit).size() <= c.limit {
		return n
	}
	return max(1, character(b))
}

// add puts a piece that fits alone behind the batch, after cutting as often as
// it takes to make room.
func (c *Cutter) add(full [][]byte, unit []byte) [][]byte {
	e := measure(unit)
	for c.batch.n > 0 && c.batch.plus(e).size() > c.limit {
		full = append(full, c.take(c.cut()))
	}
	c.buf = append(c.buf, unit...)
	c.batch = c.batch.plus(e)
	if end := unit[len(unit)-1]; end == '\n' || end == '\r' {
		c.line = c.batch
	}
	return full
}

// cut chooses where to cut the batch: behind its last line end. A batch that is
// not valid UTF-8 goes whole, because what is left of it as text can be longer
// than the whole was as base64.
func (c *Cutter) cut() extent {
	if c.batch.bad == 0 && c.line.n > 0 {
		return c.line
	}
	return c.batch
}

// take removes the first e of the batch.
func (c *Cutter) take(e extent) []byte {
	out := bytes.Clone(c.buf[:e.n])
	c.buf = append(c.buf[:0], c.buf[e.n:]...)
	c.batch = c.batch.minus(e)
	c.line = extent{}
	return out
}
