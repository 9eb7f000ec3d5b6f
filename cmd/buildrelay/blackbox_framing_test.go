package main_test

import (
	"encoding/binary"
	"strconv"
	"testing"

	"buildrelay/relay/relaytest"
)

// text is a final text frame, as a client should write it.
func text(message string) []byte {
	return relaytest.RawFrame{Final: true, Opcode: relaytest.OpText, Payload: []byte(message)}.Bytes()
}

// long is a masked text frame of one byte, whose header tells the length in 8
// bytes.
func long(length uint64) []byte {
	frame := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, length)
	return append(frame, 0, 0, 0, 0, 'x')
}

// closing is a close frame with this payload.
func closing(payload ...byte) []byte {
	return relaytest.RawFrame{Final: true, Opcode: relaytest.OpClose, Payload: payload}.Bytes()
}

func closingWith(code uint16, reason string) []byte {
	return closing(append(binary.BigEndian.AppendUint16(nil, code), reason...)...)
}

// fragments are frames of one message.
func fragments(payloads ...string) []byte {
	var all []byte
	for i, payload := range payloads {
		f := relaytest.RawFrame{Final: i == len(payloads)-1, Payload: []byte(payload)}
		if i == 0 {
			f.Opcode = relaytest.OpText
		}
		all = append(all, f.Bytes()...)
	}
	return all
}

func frame(f relaytest.RawFrame) []byte { return f.Bytes() }

// What RFC 6455 forbids ends the connection with the code that it names, and
// nobody else's.
func TestBrokenFramingIsClosedWithTheCodeThatTheStandardNames(t *testing.T) {
	t.Parallel()
	type raw = relaytest.RawFrame
	ping := []byte(`{"event":"pusher:ping"}`)
	cases := map[string]struct {
		sent []byte
		code int
	}{
		"a frame without a mask":        {frame(raw{Final: true, Opcode: relaytest.OpText, Unmasked: true, Payload: ping}), 1002},
		"RSV1 without deflate":          {frame(raw{Final: true, Opcode: relaytest.OpText, Reserved: 4, Payload: ping}), 1002},
		"RSV2":                          {frame(raw{Final: true, Opcode: relaytest.OpText, Reserved: 2, Payload: ping}), 1002},
		"RSV3":                          {frame(raw{Final: true, Opcode: relaytest.OpText, Reserved: 1, Payload: ping}), 1002},
		"RSV1 on a ping":                {frame(raw{Final: true, Opcode: relaytest.OpPing, Reserved: 4}), 1002},
		"RSV1 on a continuation":        {append(frame(raw{Opcode: relaytest.OpText}), frame(raw{Final: true, Reserved: 4})...), 1002},
		"a fragmented ping":             {frame(raw{Opcode: relaytest.OpPing}), 1002},
		"a fragmented close":            {frame(raw{Opcode: relaytest.OpClose}), 1002},
		"a ping of 126 bytes":           {frame(raw{Final: true, Opcode: relaytest.OpPing, Payload: make([]byte, 126)}), 1002},
		"a pong of 64 KiB":              {frame(raw{Final: true, Opcode: relaytest.OpPong, Payload: make([]byte, 1<<16)}), 1002},
		"a close of 126 bytes":          {frame(raw{Final: true, Opcode: relaytest.OpClose, Payload: make([]byte, 126)}), 1002},
		"a continuation of nothing":     {frame(raw{Final: true, Payload: ping}), 1002},
		"a message inside a message":    {append(frame(raw{Opcode: relaytest.OpText}), text(string(ping))...), 1002},
		"a length of 2^63":              {long(1 << 63), 1002},
		"a length of 2^64-1":            {long(1<<64 - 1), 1002},
		"a length of 2^63-1":            {long(1<<63 - 1), 1009},
		"a length of 1 GiB":             {long(1 << 30), 1009},
		"lengths that overflow":         {append(frame(raw{Opcode: relaytest.OpText, Payload: []byte("x")}), frame(raw{Final: true, Claim: 1<<63 - 1})...), 1009},
		"a length of 1 in 8 bytes":      {long(1), 1002},
		"a length of 1 in 2 bytes":      {[]byte{0x81, 0x80 | 126, 0, 1, 0, 0, 0, 0, 'x'}, 1002},
		"binary":                        {frame(raw{Final: true, Opcode: relaytest.OpBinary, Payload: ping}), 1003},
		"a byte that is not UTF-8":      {text("\xff"), 1007},
		"UTF-8 that is overlong":        {text("\xc0\xaf"), 1007},
		"half a surrogate pair":         {text("\xed\xa0\x80"), 1007},
		"UTF-8 that breaks off":         {text(`{"event":"` + "\xe2\x82"), 1007},
		"bad UTF-8 in fragments":        {fragments("\xe2", "\x82", "x"), 1007},
		"bad UTF-8 inside a good event": {text("{\"event\":\"pusher:ping\",\"data\":\"\xff\"}"), 1007},
		"a close of 1 byte":             {closing(3), 1002},
		"a reason that is not UTF-8":    {closingWith(1000, "\xff"), 1002},
		"65 fragments":                  {fragments(make([]string, 65)...), 1008},
	}
	for opcode := range byte(16) {
		switch opcode {
		case 0, 1, 2, 8, 9, 10:
		default:
			cases["opcode "+strconv.Itoa(int(opcode))] = struct {
				sent []byte
				code int
			}{frame(raw{Final: true, Opcode: opcode}), 1002}
		}
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535} {
		cases["a close with "+strconv.Itoa(int(code))] = struct {
			sent []byte
			code int
		}{closingWith(code, ""), 1002}
	}
	w := newWorld(t, nil)
	witness := w.Connect()
	settled := w.settled(t)
	for name, c := range cases {
		w.run(t, name, func(t *testing.T, w world) {
			closed := w.counting(`buildrelay_connections_closed_total{code="` + strconv.Itoa(c.code) + `"}`)
			client := w.Connect()
			if err := client.WriteRaw(c.sent); err != nil {
				t.Fatal(err)
			}
			client.ExpectClose(c.code)
			closed(t, 1)
		})
		witness.ExpectOpen()
	}
	settled()
}

// What the standard allows, however odd, is understood.
func TestOddButLegalFramesAreUnderstood(t *testing.T) {
	t.Parallel()
	type raw = relaytest.RawFrame
	ping := `{"event":"pusher:ping"}`
	split := "{\"event\":\"pusher:ping\",\"data\":\"€\"}"
	at := len("{\"event\":\"pusher:ping\",\"data\":\"") + 1 // inside the sign
	cases := map[string][]byte{
		"two fragments":              fragments(ping[:5], ping[5:]),
		"fragments without a byte":   fragments("", "", ping, "", ""),
		"64 fragments":               fragments(append(make([]string, 63), ping)...),
		"a character in two parts":   fragments(split[:at], split[at:]),
		"an unasked pong first":      append(frame(raw{Final: true, Opcode: relaytest.OpPong, Payload: []byte("x")}), text(ping)...),
		"a length of 126":            text(`{"event":"pusher:ping","data":"` + string(make126()) + `"}`),
		"a ping between fragments":   between(frame(raw{Final: true, Opcode: relaytest.OpPing}), ping),
		"one byte in every fragment": fragments(letters(ping)...),
	}
	w := newWorld(t, nil)
	for name, sent := range cases {
		w.run(t, name, func(t *testing.T, w world) {
			c := w.Connect()
			if err := c.WriteRaw(sent); err != nil {
				t.Fatal(err)
			}
			c.Expect("pusher:pong")
			c.ExpectOpen()
		})
	}
}

func make126() []byte {
	b := make([]byte, 126-len(`{"event":"pusher:ping","data":""}`))
	for i := range b {
		b[i] = 'x'
	}
	return b
}

func between(control []byte, message string) []byte {
	first := frame(relaytest.RawFrame{Opcode: relaytest.OpText, Payload: []byte(message[:5])})
	last := frame(relaytest.RawFrame{Final: true, Payload: []byte(message[5:])})
	return append(append(first, control...), last...)
}

func letters(s string) []string {
	var all []string
	for _, r := range s {
		all = append(all, string(r))
	}
	return all
}

// A client that closes gets its own code back, and the relay counts no closing of
// its own.
func TestClientsCloseIsAnsweredWithItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	settled := w.settled(t)
	w.run(t, "closes", func(t *testing.T, w world) {
		for _, code := range []int{1000, 1001, 3000, 4999} {
			c := w.Connect()
			c.Close(code)
			c.ExpectClose(code)
		}
		c := w.Connect()
		if err := c.WriteRaw(closing()); err != nil {
			t.Fatal(err)
		}
		c.ExpectClose(1005) // no code, as it sent none
		// What comes after the close is not read.
		c = w.Connect()
		if err := c.WriteRaw(append(closingWith(1000, "bye"), text(`{"event":"pusher:ping"}`)...)); err != nil {
			t.Fatal(err)
		}
		c.ExpectClose(1000)
	})
	if n := w.Metric(`buildrelay_connections_closed_total{code="1000"}`); n != 0 {
		t.Errorf("counted %v closings of its own", n)
	}
	settled()
}
