package outlet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"buildrelay/relay/audit"
)

// lines writes each record as a line to stdout, and each head too.
type lines struct {
	// Static.
	out   io.Writer
	times times

	// Owned by the loop.
	pending <-chan written // of a write that has not come back; nil if there is none
	torn    bool           // the last line has no end
}

// written is what came of a write.
type written struct {
	torn bool
	err  error
}

// send writes whole lines at once, so that nothing comes between.
func (l *lines) send(ctx context.Context, records []audit.Stored) error {
	if len(records) == 0 {
		return nil
	}
	return l.write(ctx, appendLines(nil, records))
}

func (l *lines) head(ctx context.Context, head audit.Head) error {
	line, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("writing a head down: %w", err)
	}
	return l.write(ctx, append(line, '\n'))
}

func (*lines) settle(context.Context) error { return nil }

func (*lines) drop() {}

// write blocks for answer at the most. A write that hangs cannot be ended; nothing else is
// written before it has come back.
func (l *lines) write(ctx context.Context, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, l.times.answer)
	defer cancel()
	if l.pending != nil {
		// What it wrote is written again, whatever came of it.
		if late, err := l.await(ctx); err != nil {
			return err
		} else if late.err != nil {
			return late.err
		}
	}
	if l.torn { // what was begun is to be a line of its own
		text = append([]byte("\n"), text...)
	}
	pending, torn := make(chan written, 1), l.torn
	l.pending = pending
	// The loop waits for it, in this write and the next.
	go func() {
		n, err := l.out.Write(text)
		if n > 0 {
			torn = text[n-1] != '\n'
		}
		pending <- written{torn, err}
	}()
	done, err := l.await(ctx)
	if err != nil {
		return err
	}
	return done.err
}

// await waits for the write to come back; its error is ctx's.
func (l *lines) await(ctx context.Context) (written, error) {
	select {
	case done := <-l.pending:
		l.pending, l.torn = nil, done.torn
		return done, nil
	case <-ctx.Done():
		return written{}, ctx.Err()
	}
}

// appendLines appends the records, each with a line's end behind it.
func appendLines(to []byte, records []audit.Stored) []byte {
	for _, s := range records {
		to = append(append(to, s.Line...), '\n')
	}
	return to
}
