package protocol_test

import (
	"bytes"
	"strings"
	"testing"

	"buildrelay/protocol"
)

// Headers as RFC 6455, 5.2 gives them: FIN and opcode, then a length of 7, 16 or
// 64 bits, unmasked.
func TestTextFrameHeader(t *testing.T) {
	tests := []struct {
		size   int
		header []byte
	}{
		{0, []byte{0x81, 0}},
		{1, []byte{0x81, 1}},
		{125, []byte{0x81, 125}},
		{126, []byte{0x81, 126, 0, 126}},
		{256, []byte{0x81, 126, 1, 0}},
		{65535, []byte{0x81, 126, 0xFF, 0xFF}},
		{65536, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
	}
	for _, test := range tests {
		payload := bytes.Repeat([]byte{'x'}, test.size)
		f := protocol.Text(payload)
		if got := f[:len(f)-test.size]; !bytes.Equal(got, test.header) {
			t.Errorf("%d bytes have header % x, want % x", test.size, got, test.header)
		}
		if !bytes.Equal(f.Payload(), payload) {
			t.Errorf("Payload of %d bytes returns %d other bytes", test.size, len(f.Payload()))
		}
	}
}

func TestPayloadOfNoFrameIsEmpty(t *testing.T) {
	for _, f := range []protocol.Frame{nil, {0x81}} {
		if got := f.Payload(); len(got) != 0 {
			t.Errorf("Payload of % x = % x", []byte(f), got)
		}
	}
}

func TestControlFrames(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"ping without payload", protocol.Control(protocol.OpPing, nil), "\x89\x00"},
		{"pong", protocol.Control(protocol.OpPong, []byte("hi")), "\x8a\x02hi"},
		{"pong too long", protocol.Control(protocol.OpPong, bytes.Repeat([]byte{'x'}, 126)), "\x8a\x7d" + strings.Repeat("x", 125)},
		{"close", protocol.CloseFrame(4001, "no"), "\x88\x04\x0f\xa1no"},
		{"close without reason", protocol.CloseFrame(1000, ""), "\x88\x02\x03\xe8"},
		{"close with 123 bytes", protocol.CloseFrame(1000, strings.Repeat("x", 123)), "\x88\x7d\x03\xe8" + strings.Repeat("x", 123)},
		{"close with 124 bytes", protocol.CloseFrame(1000, strings.Repeat("x", 124)), "\x88\x7d\x03\xe8" + strings.Repeat("x", 123)},
		{"close cut before a character", protocol.CloseFrame(1000, strings.Repeat("x", 122)+"ü"), "\x88\x7c\x03\xe8" + strings.Repeat("x", 122)},
	}
	for _, test := range tests {
		if string(test.got) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, test.got, test.want)
		}
	}
}
