package pipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// The names of a build's events. docs/PROTOCOL.md describes them for other
// backends.
const (
	EventStarted  = "build:started"
	EventOutput   = "build:output"
	EventFinished = "build:finished"
)

// Record is one event of a build: [Started], then any number of [Output], then
// [Finished]. Its JSON is the event's data.
type Record interface {
	// Event returns the event's name.
	Event() string
}

// Started begins a build.
type Started struct {
	Command []string `json:"command,omitempty"` // absent when standard input is read; may be shortened to fit
	Time    int64    `json:"time"`              // ms since the epoch
}

// Output is one batch of what the build printed, or the notice that a batch is
// missing. Exactly one of Text, Base64 and Lost is set.
type Output struct {
	Seq    int64  `json:"seq"`            // from 1, without holes
	Offset int64  `json:"offset"`         // bytes of the build's output before this batch
	Line   int64  `json:"line,omitempty"` // number, from 1, of the line in which the batch begins; 0 if nobody counted
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitempty"` // instead of Text where it is not valid UTF-8
	Lost   int64  `json:"lost,omitempty"`   // bytes that could not be published
}

// Finished ends a build. The output is complete if Lost is 0 and every Seq up
// to this one was seen.
type Finished struct {
	ExitCode *int   `json:"exit_code"`        // nil if killed by a signal, or not known
	Signal   string `json:"signal,omitempty"` // "SIGTERM"; absent unless killed by it
	Time     int64  `json:"time"`             // ms since the epoch
	Seq      int64  `json:"seq"`              // of the last Output, 0 if there was none
	Bytes    int64  `json:"bytes"`            // of all output, the lost included
	Lines    int64  `json:"lines"`            // likewise; one without a line end counts
	Lost     int64  `json:"lost"`             // of them, not published
}

// Event returns build:started.
func (Started) Event() string { return EventStarted }

// Event returns build:output.
func (Output) Event() string { return EventOutput }

// Event returns build:finished.
func (Finished) Event() string { return EventFinished }

// newOutput returns the record of a batch, without its Seq.
func newOutput(at place, batch []byte) Output {
	o := Output{Offset: at.offset, Line: at.line}
	if utf8.Valid(batch) {
		o.Text = string(batch)
	} else {
		o.Base64 = batch
	}
	return o
}

// Bytes returns what the build printed, nil for a notice of loss.
func (o Output) Bytes() []byte {
	if o.Base64 != nil {
		return o.Base64
	}
	return []byte(o.Text)
}

// outputEnvelope is how much longer an Output's JSON is than its text, at most.
const outputEnvelope = len(`{"seq":,"offset":,"line":,"base64":""}`) + 3*len("9223372036854775807")

// encode returns the JSON of r. HTML is not escaped: it would make six bytes of
// every < and > of a build's output.
func encode(r any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return "", fmt.Errorf("encoding %T: %w", r, err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// fit shortens the command so that the record is at most limit bytes long: whole
// arguments go first, from the end.
func (s Started) fit(limit int) Started {
	command := s.Command
	for keep := len(command); ; keep-- {
		if data, err := encode(s); err == nil && len(data) <= limit || keep == 0 {
			return s
		}
		s.Command = append(append([]string(nil), command[:keep-1]...), "…")
	}
}
