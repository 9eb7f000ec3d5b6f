package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxResponse is how many UTF-16 code units pusher-js takes from a response, at most; it
// goes on with the next when it has more, and has read all of it (protocol.md 6.4).
const maxResponse = 262144

// responseLines cuts a response into lines, and counts its UTF-16 code units, as a
// browser's responseText has them.
type responseLines struct {
	in     io.Reader
	buffer []byte
	unread []byte // part of the buffer
	units  int    // of the lines so far
}

// next returns the next line without its end. It holds until the call after.
func (l *responseLines) next() ([]byte, error) {
	looked := 0
	for {
		if i := bytes.IndexByte(l.unread[looked:], '\n'); i >= 0 {
			line := l.unread[:looked+i]
			l.unread = l.unread[looked+i+1:]
			l.units += units(line) + 1
			return line, nil
		}
		looked = len(l.unread)
		if err := l.fill(); err != nil {
			if errors.Is(err, io.EOF) && looked > 0 {
				err = fmt.Errorf("%w in a line: %.100s", io.ErrUnexpectedEOF, l.unread)
			}
			return nil, err
		}
	}
}

// fill reads more.
func (l *responseLines) fill() error {
	if len(l.buffer) == 0 {
		l.buffer = make([]byte, viewerBuffer)
	}
	if len(l.unread) == len(l.buffer) {
		l.buffer = make([]byte, 2*len(l.buffer))
	}
	have := copy(l.buffer, l.unread)
	n, err := l.in.Read(l.buffer[have:])
	l.unread = l.buffer[:have+n]
	if n > 0 {
		return nil
	}
	return err
}

// tooLong says whether the client goes on with another response.
func (l *responseLines) tooLong() bool { return len(l.unread) == 0 && l.units > maxResponse }

// units returns how many UTF-16 code units a text in UTF-8 takes.
func units(text []byte) (n int) {
	const notASCII = 0x8080808080808080
	for len(text) >= 8 && binary.NativeEndian.Uint64(text)&notASCII == 0 {
		text = text[8:]
		n += 8
	}
	for _, c := range text {
		switch {
		case c >= 0xf0: // four bytes, a pair of surrogates
			n += 2
		case c < 0x80 || c >= 0xc0:
			n++
		}
	}
	return n
}

// eachMessage takes apart a frame with messages, without its letter, and gives away the
// inside of each of its strings, escaped as it is.
func eachMessage(list []byte, take func(text []byte) error) error {
	inside, opened := bytes.CutPrefix(list, []byte("["))
	inside, closed := bytes.CutSuffix(inside, []byte("]"))
	if opened && closed && len(inside) == 0 {
		return nil
	}
	inside, first := bytes.CutPrefix(inside, []byte(`"`))
	inside, last := bytes.CutSuffix(inside, []byte(`"`))
	if !opened || !closed || !first || !last {
		return fmt.Errorf("no list of strings: %.200s", list)
	}
	// A message ends with a brace, and a mark inside of it stands behind a backslash: this
	// is always where one string ends and the next begins.
	for more := true; more; {
		var text []byte
		text, inside, more = bytes.Cut(inside, []byte(`","`))
		if err := take(text); err != nil {
			return err
		}
	}
	return nil
}
