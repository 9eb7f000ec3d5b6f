package protocol

import (
	"encoding/binary"
	"strings"
)

// The opcodes of control frames (RFC 6455, 5.2).
const (
	OpClose byte = 0x8
	OpPing  byte = 0x9
	OpPong  byte = 0xA
)

const (
	opText byte = 0x1
	fin    byte = 0x80

	// maxControl is the longest payload of a control frame (RFC 6455, 5.5).
	maxControl = 125
)

// Frame is one whole WebSocket text message as a server sends it: unmasked, in
// a single frame, with its header, ready to be written. It is never changed
// after it was made, so any number of connections may write it.
type Frame []byte

// Text returns the frame that carries payload, which must be valid UTF-8.
func Text(payload []byte) Frame {
	return append(newText(len(payload)), payload...)
}

// Payload returns the message inside f. It shares f's memory.
func (f Frame) Payload() []byte {
	if len(f) < 2 {
		return nil
	}
	return f[headerLen(int(f[1])):]
}

// newText returns the header of a text frame for a payload of exactly size
// bytes, with room for the payload to be appended.
func newText(size int) Frame {
	switch {
	case size <= maxControl:
		return append(make([]byte, 0, 2+size), fin|opText, byte(size))
	case size <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(make([]byte, 0, 4+size), fin|opText, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(make([]byte, 0, 10+size), fin|opText, 127), uint64(size))
	}
}

// headerLen returns the length of an unmasked header with this length field.
func headerLen(field int) int {
	switch field {
	case 126:
		return 4
	case 127:
		return 10
	default:
		return 2
	}
}

// Control returns a control frame. A payload over 125 bytes, which the standard
// forbids, is cut.
func Control(opcode byte, payload []byte) []byte {
	payload = payload[:min(len(payload), maxControl)]
	f := make([]byte, 0, 2+len(payload))
	f = append(f, fin|opcode, byte(len(payload)))
	return append(f, payload...)
}

// CloseFrame returns a close frame. A reason over 123 bytes is cut between two
// characters.
func CloseFrame(code int, reason string) []byte {
	reason = reason[:min(len(reason), maxControl-2)]
	reason = strings.ToValidUTF8(reason, "") // drops what the cut left of a character
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	return Control(OpClose, append(payload, reason...))
}
