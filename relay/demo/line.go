package demo

import (
	"bytes"

	"buildrelay/relay/pipe"
)

// maxOpen bounds the line that is not yet ended.
const maxOpen = 4096

// newestLine follows output and knows its newest line that shows anything. A
// progress bar's line is what stands behind its last carriage return.
type newestLine struct {
	text string
	open []byte // since the last line end
}

// add takes what was printed next. pipe cuts no escape sequence in two.
func (l *newestLine) add(output []byte) {
	l.open = append(l.open, output...)
	for {
		line, rest, ended := bytes.Cut(l.open, []byte("\n"))
		if text := shown(line); text != "" {
			l.text = text
		}
		if !ended {
			break
		}
		l.open = rest
	}
	// Only the newest part of an endless line is of interest.
	l.open = append([]byte(nil), l.open[max(0, len(l.open)-maxOpen):]...)
}

// shown returns what a terminal shows of a line, plain and clipped.
func shown(line []byte) string {
	parts := bytes.Split(line, []byte("\r"))
	for i := len(parts) - 1; i >= 0; i-- {
		if text := string(bytes.TrimSpace([]byte(pipe.Plain(parts[i])))); text != "" {
			return clip(text)
		}
	}
	return ""
}
