package main

import (
	"bufio"
	"encoding/binary"
)

// frameCounter counts the WebSocket frames in a stream that a server sends
// (RFC 6455, 5.2) without looking into them. The zero value is at the start of a
// frame.
type frameCounter struct {
	header [10]byte
	have   int // bytes of header so far
	skip   int // bytes of payload still to come
}

// count returns how many frames end in the next bytes of the stream.
func (c *frameCounter) count(p []byte) (frames int) {
	for len(p) > 0 {
		if c.skip == 0 {
			c.header[c.have] = p[0]
			c.have++
			p = p[1:]
			size, payload := parseHeader(c.header[:c.have])
			if c.have < size {
				continue
			}
			c.have, c.skip = 0, payload
		}
		n := min(c.skip, len(p))
		c.skip -= n
		p = p[n:]
		if c.skip == 0 && c.have == 0 {
			frames++
		}
	}
	return frames
}

// parseHeader returns the size of the header, as far as it can be known, and of
// the payload once the header is whole.
func parseHeader(h []byte) (size, payload int) {
	if len(h) < 2 {
		return 2, 0
	}
	switch field := int(h[1] & 0x7f); {
	case field == 126 && len(h) == 4:
		return 4, int(binary.BigEndian.Uint16(h[2:]))
	case field == 126:
		return 4, 0
	case field == 127 && len(h) == 10:
		return 10, int(binary.BigEndian.Uint64(h[2:]))
	case field == 127:
		return 10, 0
	default:
		return 2, field
	}
}

// nextFrame takes the header of the next frame. It returns the frame's first byte and
// the size of the payload, which comes next.
func nextFrame(in *bufio.Reader) (first byte, payload int, err error) {
	size := 2
	header, err := in.Peek(size)
	if err != nil {
		return 0, 0, err
	}
	if size, _ = parseHeader(header); size > len(header) {
		if header, err = in.Peek(size); err != nil {
			return 0, 0, err
		}
	}
	first = header[0]
	_, payload = parseHeader(header)
	_, _ = in.Discard(size) // it is buffered
	return first, payload, nil
}

// clientText returns a text frame as a client sends it, of less than 64 KiB. The mask is
// zero, which changes nothing.
func clientText(text string) []byte {
	header := []byte{textFrame, 0x80}
	if len(text) < 126 {
		header[1] |= byte(len(text))
	} else {
		header[1] |= 126
		header = binary.BigEndian.AppendUint16(header, uint16(len(text)))
	}
	return append(append(header, 0, 0, 0, 0), text...)
}

// textFrame is the first byte of a text that is one frame.
const textFrame = 0x81
