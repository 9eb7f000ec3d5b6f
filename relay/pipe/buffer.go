package pipe

import (
	"bytes"
	"sync"
)

// chunkOverhead is what a chunk costs beside its bytes, so that many small ones
// are bounded as well.
const chunkOverhead = 64

// outbox holds a build's output, at most bound bytes: what is not yet published, and
// before it what is, because Redis may lose a log and then it is published again.
// When it is full the OLDEST goes: whoever reads a build that outran its publisher
// wants to see where it is now and how it ended, and an error stands at the end of a
// log. What goes before it is published is told as lost in its place.
//
// put never blocks: the build does not wait for the network.
type outbox struct {
	bound int
	ready chan struct{} // holds a token while there may be something to take

	mu     sync.Mutex
	chunks []chunk // all that is kept, without holes
	size   int     // of chunks, overhead included
	end    place   // behind all output so far
	open   bool    // the last line has no end yet
	taken  int     // so many of chunks were taken
	told   place   // behind what was taken, the loss included
	lost   int64   // bytes of it that were not there any more
	closed bool
}

// chunk is one batch.
type chunk struct {
	place
	bytes []byte
}

// place is a place in the output: the bytes before it, and the line it stands in.
type place struct{ offset, line int64 }

func beginning() place { return place{line: 1} }

func newOutbox(bound int) *outbox {
	return &outbox{bound: bound, ready: make(chan struct{}, 1), end: beginning(), told: beginning()}
}

// put appends a batch, dropping the oldest while there is too much.
func (o *outbox) put(batch []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.chunks = append(o.chunks, chunk{o.end, batch})
	o.end.offset += int64(len(batch))
	o.end.line += int64(bytes.Count(batch, []byte("\n")))
	o.open = batch[len(batch)-1] != '\n'
	o.size += len(batch) + chunkOverhead
	for o.size > o.bound && len(o.chunks) > 1 {
		o.drop()
	}
	o.wake()
}

// close tells take that nothing follows.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.wake()
}

// take waits for output and returns the oldest that was not taken, at most limit
// records without their Seq, nil when there will be no more. One goroutine may take.
func (o *outbox) take(limit int) []Output {
	for {
		if out, more := o.poll(limit); len(out) > 0 || !more {
			return out
		}
		<-o.ready
	}
}

func (o *outbox) poll(limit int) (out []Output, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(out) < limit && o.taken < len(o.chunks) {
		c := o.chunks[o.taken]
		if gap := c.offset - o.told.offset; gap > 0 {
			out = append(out, Output{Offset: o.told.offset, Line: o.told.line, Lost: gap})
			o.lost += gap
		} else {
			out = append(out, newOutput(c.place, c.bytes))
			o.taken++
		}
		o.told = o.next()
	}
	return out, !o.closed || o.taken < len(o.chunks)
}

// rewind lets take begin again, with the oldest that is kept.
func (o *outbox) rewind() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken, o.told, o.lost = 0, beginning(), 0
	o.wake()
}

// forget drops what was taken: it will not be wanted again.
func (o *outbox) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.taken > 0 {
		o.drop()
	}
}

// totals returns how many bytes and lines were put, and how many of the bytes were
// dropped before they were taken.
func (o *outbox) totals() (put, lines, dropped int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines = o.end.line - 1
	if o.open {
		lines++
	}
	return o.end.offset, lines, o.lost + o.next().offset - o.told.offset
}

// next returns where the oldest batch begins that was not taken. o.mu is held.
func (o *outbox) next() place {
	if o.taken == len(o.chunks) {
		return o.end
	}
	return o.chunks[o.taken].place
}

// drop removes the oldest batch. o.mu is held.
func (o *outbox) drop() {
	o.size -= len(o.chunks[0].bytes) + chunkOverhead
	o.chunks[0] = chunk{}
	o.chunks = o.chunks[1:]
	o.taken = max(0, o.taken-1)
}

// wake leaves a token for take. o.mu is held.
func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}
