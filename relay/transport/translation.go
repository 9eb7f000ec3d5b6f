package transport

import (
	"bytes"
	"sync/atomic"

	"buildrelay/protocol"
)

// translations keeps what the workers sent last, as HTTP says it: a worker gives the same
// frames to all readers of a channel, one after the other, and translating them once is
// half of what streaming costs at a log's rate.
type translations [8]atomic.Pointer[translation]

// translation is what the core sent, and the same as the inside of an array.
type translation struct {
	frames, list []byte
	units        int // UTF-16 code units of list
}

// of returns the translation of frames that are all messages; nil where others are among
// them. It does not keep p. Nil keeps nothing.
func (all *translations) of(p []byte) *translation {
	if all == nil {
		return translate(p)
	}
	last := &all[len(p)%len(all)]
	if t := last.Load(); t != nil && bytes.Equal(t.frames, p) {
		return t
	}
	t := translate(p)
	if t != nil {
		last.Store(t)
	}
	return t
}

func translate(p []byte) *translation {
	t := &translation{frames: bytes.Clone(p), list: make([]byte, 0, len(p)+len(p)/2)}
	for opcode, payload := range protocol.Frames(p) {
		if opcode >= protocol.OpClose { // the first of the control frames
			return nil
		}
		if len(t.list) > 0 {
			t.list = append(t.list, ',')
		}
		t.list = protocol.AppendFallbackMessage(t.list, payload)
	}
	t.units = protocol.UTF16Len(t.list)
	return t
}
