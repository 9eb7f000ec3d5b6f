package outlet

import (
	"context"
)

// mostFinishes is how often the end is tried: a connection may have been cut while it was
// idle, and a target that fails twice holds up nobody.
const mostFinishes = 2

// finish sends and settles what there is, and a last head, unless ctx ends before.
func (l *loop) finish(ctx context.Context) {
	for range mostFinishes {
		err := l.flush(ctx)
		if err == nil {
			return
		}
		l.fail(ctx, err)
	}
	l.notices.left()
}

func (l *loop) flush(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = l.step(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if l.turn.records > 0 {
		if err := l.settle(ctx); err != nil {
			return err
		}
		l.well()
	}
	if l.have.Seq == l.proved.Seq {
		return nil
	}
	return l.prove(ctx)
}
