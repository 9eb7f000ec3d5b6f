package main

import (
	"bufio"
	"bytes"
	"testing"

	"buildrelay/protocol"
)

// A reader of a log takes every entry once and in order, and nothing else.
func TestLogReaderDemandsEveryEntryOnce(t *testing.T) {
	tests := []struct {
		name    string
		offsets []uint64
		gap     bool
		good    bool
	}{
		{name: "all", offsets: []uint64{41, 42, 43}, good: true},
		{name: "one is missing", offsets: []uint64{41, 43}},
		{name: "the first is missing", offsets: []uint64{42, 43}},
		{name: "one comes twice", offsets: []uint64{41, 42, 42, 43}},
		{name: "a gap is told", offsets: []uint64{41, 42, 43}, gap: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stream := append([]byte(nil), protocol.Succeeded("build-0")...)
			if test.gap {
				stream = append(stream, (&protocol.Gap{Reason: protocol.GapTrimmed}).Frame("build-0")...)
			}
			for i, offset := range test.offsets {
				name := eventName
				if i == len(test.offsets)-1 {
					name = lastEvent
				}
				stream = append(stream, entryFrame(name, offset)...)
			}
			r := &logReader{next: 41, in: bufio.NewReader(bytes.NewReader(stream))}
			var err error
			for r.ended.IsZero() && err == nil {
				err = r.frame()
			}
			if good := err == nil; good != test.good {
				t.Errorf("the reader says %v", err)
			}
		})
	}
}

// entryFrame is an entry with data that looks like a position, and of a size at which
// its length is told in several bytes.
func entryFrame(name string, offset uint64) protocol.Frame {
	at := protocol.Position{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: offset, Nonce: 1<<32 - 1}}
	return protocol.EncodeEvent(protocol.Event{
		Name: name, Channel: "build-0", Data: linesOf(2) + `"relay":"0123456789abcdef:1-1"`, Link: &protocol.Link{At: at},
	})
}
