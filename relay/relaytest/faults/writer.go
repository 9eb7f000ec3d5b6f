package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest/checker"
)

// lineEvent is the name of the event of every line.
const lineEvent = "line"

// appender appends lines, by one of the ways that a backend has. It tries once.
type appender interface {
	// append appends the lines, each by its event id, and returns where each stands.
	// errRefused says that they do not stand in the log; with any other error nobody knows.
	append(ctx context.Context, lines []numbered, o options) ([]appended, error)
	// most is how many lines it appends in one call.
	most() int
}

var errRefused = errors.New("refused")

// options are the script's; the HTTP API knows begin alone.
type options struct {
	MaxLen   int  `json:"maxlen,omitempty"`
	MaxBytes int  `json:"maxbytes,omitempty"`
	Begin    bool `json:"begin,omitempty"`
	Final    bool `json:"final,omitempty"`
}

// appended is the answer for a line.
type appended struct {
	at    protocol.Position
	again bool // it stood there before, by its event id; only some are told
}

// numbered is a line with the id that a retry repeats.
type numbered struct {
	id   string
	line checker.Line
}

// writer appends lines, one call after the other, each until it is acknowledged.
type writer struct {
	first   checker.Line // the others differ in Seq and Filler
	by      appender
	load    Load
	output  *output
	options options
	dice    dice

	// Owned by run.

	calls   []checker.Call
	refused []string // why calls were refused
	failed  error    // what the last try of the call in hand met with
}

// run appends until stop is closed. It ends with ctx at the latest.
func (w *writer) run(ctx context.Context, stop <-chan struct{}) {
	seq := 1
	for pause(w.dice.between(0, 2*w.load.Every), stop) && ctx.Err() == nil {
		n := 1 + w.dice.IntN(w.by.most())
		if w.load.BurstEvery > 0 && w.dice.Int64N(int64(w.load.BurstEvery)) < int64(w.load.Every) {
			n = w.load.Burst
		}
		for n > 0 && ctx.Err() == nil {
			lines := make([]numbered, min(n, w.by.most()))
			for i := range lines {
				lines[i] = w.number(seq)
				seq++
			}
			w.write(ctx, lines, w.options)
			n -= len(lines)
		}
	}
}

func (w *writer) number(seq int) numbered {
	line := w.first
	line.Seq = seq
	if w.load.Filler > 0 {
		line.Filler = w.output.lines(w.dice, w.load.Filler/2+w.dice.IntN(w.load.Filler))
	}
	return numbered{fmt.Sprintf("%s-%s-%d", line.Run, line.Writer, seq), line}
}

// write appends lines, by as many tries as it takes, and notes what came of it.
func (w *writer) write(ctx context.Context, lines []numbered, o options) {
	call := checker.Call{Invoked: time.Now()}
	var answer []appended
	err := context.Cause(ctx)
	for ctx.Err() == nil {
		begun := time.Now()
		answer, err = w.by.append(ctx, lines, o)
		call.Tries++
		call.Slowest = max(call.Slowest, time.Since(begun))
		if err == nil || errors.Is(err, errRefused) {
			break
		}
		w.failed = err
		pause(w.dice.between(10*time.Millisecond, 100*time.Millisecond), ctx.Done())
	}
	call.Ended = time.Now()
	switch {
	case err == nil:
		w.failed = nil
		call.Outcome = checker.OK
	case errors.Is(err, errRefused):
		w.refused = append(w.refused, err.Error())
		if call.Tries == 1 {
			call.Outcome = checker.Failed
		}
	}
	for i, line := range lines {
		call.Line = line.line
		if err == nil {
			call.At, call.Again = answer[i].at, answer[i].again
		}
		w.calls = append(w.calls, call)
	}
}
