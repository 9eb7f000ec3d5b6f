package pipe

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"buildrelay/protocol"
)

var errAway = errors.New("connection refused")

// fakePublisher keeps what it is given. fail, if set, decides on each call and
// runs before anything is kept.
type fakePublisher struct {
	fail func(ctx context.Context, events []protocol.Event) error

	mu      sync.Mutex
	calls   int
	events  []protocol.Event
	epoch   string // of the log; empty if the channel has none
	watched bool
}

func (p *fakePublisher) Publish(ctx context.Context, _ string, events []protocol.Event) (protocol.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.fail != nil {
		if err := p.fail(ctx, events); err != nil {
			return protocol.Receipt{}, err
		}
	}
	receipt := protocol.Receipt{Watched: p.watched}
	for _, e := range events {
		p.events = append(p.events, e)
		receipt.Positions = append(receipt.Positions, p.top())
	}
	return receipt, nil
}

// top is the position of the newest event. p.mu is held.
func (p *fakePublisher) top() protocol.Position {
	if p.epoch == "" {
		return protocol.Position{}
	}
	return protocol.Position{Epoch: p.epoch, ID: protocol.ID{Offset: uint64(len(p.events)), Nonce: 1}}
}

// hasLog gives the channel a log, a new one if it had one, which is watched or not.
func (p *fakePublisher) hasLog(epoch string, watched bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch {
		p.events = nil
	}
	p.epoch, p.watched = epoch, watched
}

func (p *fakePublisher) setFail(fail func(context.Context, []protocol.Event) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

func (p *fakePublisher) published() []protocol.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]protocol.Event(nil), p.events...)
}

func (p *fakePublisher) callCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func always(err error) func(context.Context, []protocol.Event) error {
	return func(context.Context, []protocol.Event) error { return err }
}

// log is what a reader makes of a build's events. It checks that they are
// complete and in order, as docs/PROTOCOL.md promises.
type log struct {
	started  Started
	outputs  []Output
	finished *Finished
	text     string // with "[lost]" where bytes are missing
	lost     int64
	line     int64 // in which the next output begins; 0 if that can't be known
}

func readLog(t *testing.T, events []protocol.Event) log {
	t.Helper()
	l := log{line: 1}
	for i, e := range events {
		if len(e.Data) > protocol.MaxData {
			t.Errorf("an event of %d bytes", len(e.Data))
		}
		switch {
		case e.Name == EventStarted && i == 0:
			decode(t, e.Data, &l.started)
		case e.Name == EventOutput && l.finished == nil:
			var o Output
			decode(t, e.Data, &o)
			l.add(t, o)
		case e.Name == EventFinished && l.finished == nil:
			l.finished = new(Finished)
			decode(t, e.Data, l.finished)
		default:
			t.Errorf("event %d: %s out of place", i, e.Name)
		}
	}
	if f := l.finished; f != nil && (f.Seq != int64(len(l.outputs)) || f.Bytes != l.next() || f.Lost != l.lost) {
		t.Errorf("finished %+v after %d outputs up to byte %d with %d lost", *f, len(l.outputs), l.next(), l.lost)
	}
	return l
}

func (l *log) add(t *testing.T, o Output) {
	t.Helper()
	if o.Seq != int64(len(l.outputs)+1) || o.Offset != l.next() {
		t.Fatalf("after %d outputs up to byte %d: seq %d, offset %d", len(l.outputs), l.next(), o.Seq, o.Offset)
	}
	if l.line > 0 && o.Line != l.line {
		t.Errorf("output %d begins in line %d, want %d", o.Seq, o.Line, l.line)
	}
	l.outputs = append(l.outputs, o)
	l.text += string(o.Bytes())
	l.line = o.Line + int64(strings.Count(string(o.Bytes()), "\n"))
	if o.Lost > 0 {
		l.text += "[lost]"
		l.lost += o.Lost
		l.line = 0
	}
}

// next returns the offset that the next output must have.
func (l *log) next() int64 {
	if len(l.outputs) == 0 {
		return 0
	}
	last := l.outputs[len(l.outputs)-1]
	return last.Offset + int64(len(last.Bytes())) + last.Lost
}

func decode(t *testing.T, data string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
}
