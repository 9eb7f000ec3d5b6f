package relaytest

import "encoding/binary"

// Opcodes of RFC 6455, section 5.2.
const (
	OpContinuation = 0x0
	OpText         = 0x1
	OpBinary       = 0x2
	OpClose        = 0x8
	OpPing         = 0x9
	OpPong         = 0xA
)

// RawFrame is a WebSocket frame as a client should never write it, or should. The
// zero value is a masked empty continuation that is not the last.
type RawFrame struct {
	Final    bool
	Reserved byte // the three reserved bits, as 0..7
	Opcode   byte
	Unmasked bool
	Payload  []byte
	// Claim is the length that the header tells, if it is not the payload's.
	Claim uint64
}

// Bytes is the frame as it goes over the wire (RFC 6455, section 5.2). The mask is
// always 1, 2, 3, 4.
func (f RawFrame) Bytes() []byte {
	first := f.Reserved<<4 | f.Opcode
	if f.Final {
		first |= 0x80
	}
	length := uint64(len(f.Payload))
	if f.Claim != 0 {
		length = f.Claim
	}
	frame := appendLength([]byte{first}, length)
	if f.Unmasked {
		return append(frame, f.Payload...)
	}
	frame[1] |= 0x80
	mask := [4]byte{1, 2, 3, 4}
	frame = append(frame, mask[:]...)
	for i, b := range f.Payload {
		frame = append(frame, b^mask[i%4])
	}
	return frame
}

func appendLength(frame []byte, length uint64) []byte {
	switch {
	case length < 126:
		return append(frame, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(frame, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(frame, 127), length)
	}
}
