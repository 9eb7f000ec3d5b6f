package protocol

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
)

// The frames of Pusher's HTTP transports, which are SockJS' (protocol.md 6.3), are lines: a
// letter, mostly with JSON behind it. A client loses everything behind an empty one.
const (
	// FallbackBeat is a heartbeat.
	FallbackBeat = "h\n"
	// FallbackNothing is an array of no messages: a sign of life that no client answers.
	FallbackNothing = "a[]\n"
	// FallbackOpen begins a session.
	FallbackOpen = "o\n"
)

// MaxFallback is the length of a response, in UTF-16 code units, above which clients leave
// it and ask for the next (protocol.md 6.4).
const MaxFallback = 262_144

// FallbackOpenAt begins a session whose later requests go to another host name, which must
// need no escapes.
func FallbackOpenAt(hostname string) string { return `o{"hostname":"` + hostname + "\"}\n" }

// AppendFallbackMessage appends a message, valid UTF-8, as an element of an array: a JSON
// string (6.3: clients take nothing else).
func AppendFallbackMessage(dst, message []byte) []byte { return AppendQuoted(dst, message) }

// FallbackClose says that the session is closed, as a close frame with this payload does
// (RFC 6455, 5.5.1).
func FallbackClose(payload []byte) []byte {
	code, reason := 1005, []byte(nil) // no code was given (7.1.5)
	if len(payload) >= 2 {
		code, reason = int(binary.BigEndian.Uint16(payload)), payload[2:]
	}
	b := strconv.AppendInt([]byte("c["), int64(code), 10)
	return append(AppendQuoted(append(b, ','), reason), "]\n"...)
}

// UTF16Len returns how many UTF-16 code units valid UTF-8 has, which is how browsers count.
func UTF16Len(p []byte) int {
	n := 0
	for len(p) >= 8 && binary.NativeEndian.Uint64(p)&0x8080_8080_8080_8080 == 0 { // ASCII
		p, n = p[8:], n+8
	}
	for _, c := range p {
		if c&0xC0 != 0x80 { // not inside a character
			n++
		}
		if c >= 0xF0 { // outside the basic plane: a surrogate pair
			n++
		}
	}
	return n
}

// Errors of ParseFallbackMessages, in SockJS' words.
var (
	ErrNoPayload  = errors.New("Payload expected.")
	ErrBrokenJSON = errors.New("Broken JSON encoding.")
)

// ParseFallbackMessages reads what a client sends by xhr_send: a JSON array of strings, each
// of them a message; an empty one is a sign of life. The messages are valid UTF-8 where the
// body is.
func ParseFallbackMessages(body []byte) ([]string, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, ErrNoPayload
	}
	if !json.Valid(body) || skipSpace(body)[0] != '[' {
		return nil, ErrBrokenJSON
	}
	var messages []string
	for value := range elements(skipSpace(body)) {
		if value[0] != '"' {
			return nil, ErrBrokenJSON
		}
		messages = append(messages, Unquote(value))
	}
	return messages, nil
}

// IsFallbackSession says whether a server number and a session id are of the form that
// clients make them (6.1).
func IsFallbackSession(server, id string) bool {
	n, err := strconv.Atoi(server)
	if err != nil || n < 0 || n > 999 || strconv.Itoa(n) != server || len(id) != 8 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}

// Frames goes through whole frames of a server that lie one behind the other, as [Text],
// [Control] and [CloseFrame] make them.
func Frames(p []byte) iter.Seq2[byte, []byte] {
	return func(yield func(opcode byte, payload []byte) bool) {
		for len(p) >= 2 {
			start, end := frameBounds(p)
			if !yield(p[0]&0x0f, p[start:end]) {
				return
			}
			p = p[end:]
		}
	}
}

// frameBounds returns where the payload of the first frame in p starts and ends.
func frameBounds(p []byte) (start, end int) {
	start = headerLen(int(p[1]))
	switch p[1] {
	case 126:
		return start, start + int(binary.BigEndian.Uint16(p[2:]))
	case 127:
		return start, start + int(binary.BigEndian.Uint64(p[2:]))
	default:
		return start, start + int(p[1])
	}
}
