package transport

import (
	"slices"

	"buildrelay/protocol"
)

const (
	// maxQueued is what waits in a session, in bytes, before the worker is told to wait; a
	// turn of the worker can come on top.
	maxQueued = 64 << 10
	// fullFrame is the length of a frame that no more messages join.
	fullFrame = 64 << 10
	arrayEnd  = "]\n"
)

// queue is what a session has yet to write, as frames (protocol.md 6.3). Messages that come
// before the last frame is taken join it.
type queue struct {
	translations *translations // those of all queues; nil for a queue by itself

	frames []frame
	// open is the last frame, an array without its end; its text is nil if there is none to
	// join.
	open frame
	size int // bytes of all
}

// frame is one or more frames that are written together, or not at all.
type frame struct {
	text  []byte
	units int // UTF-16 code units
}

// opens says whether the client learns from f that there is a session.
func (f frame) opens() bool { return f.text[0] == protocol.FallbackOpen[0] }

func (f frame) isBeat() bool { return string(f.text) == protocol.FallbackBeat }

// add adds what the core sends: whole WebSocket frames.
func (q *queue) add(p []byte) {
	if t := q.translations.of(p); t != nil {
		q.join(t)
		return
	}
	for opcode, payload := range protocol.Frames(p) {
		switch opcode {
		case protocol.OpPing:
			q.push([]byte(protocol.FallbackBeat))
		case protocol.OpClose:
			q.push(protocol.FallbackClose(payload))
		default:
			q.join(translate(protocol.Text(payload)))
		}
	}
}

// join adds messages.
func (q *queue) join(t *translation) {
	start := "a["
	if q.open.text != nil {
		start = ","
	}
	q.open.text = slices.Grow(q.open.text, len(start)+len(t.list)+len(arrayEnd))
	q.open.text = append(append(q.open.text, start...), t.list...)
	q.open.units += len(start) + t.units
	q.size += len(start) + len(t.list)
	if len(q.open.text) >= fullFrame {
		q.close()
	}
}

// push adds a frame.
func (q *queue) push(text []byte) {
	q.close()
	q.frames = append(q.frames, frame{text, protocol.UTF16Len(text)})
	q.size += len(text)
}

// close ends the frame that messages join.
func (q *queue) close() {
	if q.open.text == nil {
		return
	}
	q.frames = append(q.frames, frame{append(q.open.text, arrayEnd...), q.open.units + len(arrayEnd)})
	q.open = frame{}
	q.size += len(arrayEnd)
}

func (q *queue) empty() bool { return q.size == 0 }

// take takes the first frame, and those behind it as long as all together have at most so
// many units. The queue must not be empty.
func (q *queue) take(units int) frame {
	q.close()
	taken, n := q.frames[0], 1
	for ; n < len(q.frames) && taken.units+q.frames[n].units <= units; n++ {
		taken.text = append(taken.text, q.frames[n].text...)
		taken.units += q.frames[n].units
	}
	for _, f := range q.frames[:n] {
		q.size -= len(f.text)
	}
	q.frames = slices.Delete(q.frames, 0, n)
	if len(q.frames) == 0 {
		q.frames = nil
	}
	return taken
}

// back puts what was taken first in the queue again.
func (q *queue) back(f frame) {
	q.frames = slices.Insert(q.frames, 0, f)
	q.size += len(f.text)
}
