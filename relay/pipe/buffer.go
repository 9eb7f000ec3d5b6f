package pipe

import "sync"

// chunkOverhead is what a chunk costs beside its bytes, so that many small ones
// are bounded as well.
const chunkOverhead = 64

// outbox holds the batches that are not yet published, at most bound bytes.
// When it is full the OLDEST go: whoever reads a build that outran its
// publisher wants to see where it is now and how it ended, and an error stands
// at the end of a log. The loss is told where it happened, ahead of what is left.
//
// put never blocks: the build does not wait for the network.
type outbox struct {
	bound int
	ready chan struct{} // holds a token while there may be something to take

	mu     sync.Mutex
	chunks []chunk
	size   int   // of chunks, overhead included
	next   int64 // offset of the next batch
	lost   int64 // bytes dropped right before chunks[0] and not yet told
	gone   int64 // bytes dropped altogether
	closed bool
}

type chunk struct {
	offset int64
	bytes  []byte
}

func newOutbox(bound int) *outbox {
	return &outbox{bound: bound, ready: make(chan struct{}, 1)}
}

// put appends a batch, dropping the oldest while there is too much.
func (o *outbox) put(batch []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.chunks = append(o.chunks, chunk{o.next, batch})
	o.next += int64(len(batch))
	o.size += len(batch) + chunkOverhead
	for o.size > o.bound && len(o.chunks) > 1 {
		n := int64(len(o.pop().bytes))
		o.lost += n
		o.gone += n
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

// take waits for output and returns the oldest of it, at most limit records
// without their Seq, nil when there will be no more. One goroutine may take.
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
	if o.lost > 0 {
		out = append(out, Output{Offset: o.start() - o.lost, Lost: o.lost})
		o.lost = 0
	}
	for len(out) < limit && len(o.chunks) > 0 {
		c := o.pop()
		out = append(out, newOutput(c.offset, c.bytes))
	}
	return out, !o.closed || len(o.chunks) > 0
}

// totals returns how many bytes were put and how many of them dropped.
func (o *outbox) totals() (put, dropped int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next, o.gone
}

// start returns the offset of the oldest batch. o.mu is held.
func (o *outbox) start() int64 {
	if len(o.chunks) == 0 {
		return o.next
	}
	return o.chunks[0].offset
}

// pop removes the oldest batch. o.mu is held.
func (o *outbox) pop() chunk {
	c := o.chunks[0]
	o.chunks[0] = chunk{}
	o.chunks = o.chunks[1:]
	o.size -= len(c.bytes) + chunkOverhead
	return c
}

// wake leaves a token for take. o.mu is held.
func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}
