package trail

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"buildrelay/relay/audit"
)

const (
	// patience is how long somebody waits until a record is kept.
	patience = 2 * time.Second
	// given is for how long the database may be away before nobody waits for it any more: a
	// client that subscribes to many channels would wait for each.
	given = 5 * time.Second
)

// ErrUnrecorded says that what was to be recorded first is not, and must not be done.
var ErrUnrecorded = errors.New("the audit trail cannot record it")

// waiter waits until records are kept.
type waiter struct {
	// spoolCounts says that the spool's file is as good as the database. Static.
	spoolCounts bool
	// done is closed when all are kept, or one is lost: failed, which is set before.
	done   chan struct{}
	failed bool
	// left are those not kept yet. The writer's.
	left int
	// gone says that it waits no more.
	gone atomic.Bool
}

// settle says what became of one of the records. Only the writer calls it; w may be nil.
func (w *waiter) settle(kept bool) {
	if w == nil || w.left == 0 {
		return
	}
	w.left--
	if !kept {
		w.failed, w.left = true, 0
	}
	if w.left == 0 {
		close(w.done)
	}
}

// Confirm records what must not be done without. In spooled mode it is Note, and nil. In
// strict mode it waits until the database has the record, at most two seconds and while ctx
// lasts, and not at all once the database has been away for some; an error is an [ErrUnrecorded]. The record may still come into the trail after that:
// it says that somebody asked for something, and whoever refuses it should note that too.
func (t *Trail) Confirm(ctx context.Context, r audit.Record) error {
	if t == nil {
		return nil
	}
	if !t.config.Strict {
		t.queue.put(nil, &r)
		return nil
	}
	if t.health.awayFor(time.Now()) > given {
		t.queue.put(nil, &r)
		t.config.Metrics.AuditUnrecorded.Inc()
		return fmt.Errorf("%w: the database is away", ErrUnrecorded)
	}
	return t.keep(ctx, false, []audit.Record{r})
}

// Keep records what the sender forgets once it is kept. In either mode it waits until all of
// the records are in the database or in the spool's file, at most two seconds and while ctx
// lasts. After an error, an [ErrUnrecorded], some may be kept or may still be: handed in
// again with the same ids none comes twice.
func (t *Trail) Keep(ctx context.Context, records []audit.Record) error {
	if t == nil || len(records) == 0 {
		return nil
	}
	return t.keep(ctx, true, records)
}

func (t *Trail) keep(ctx context.Context, spoolCounts bool, records []audit.Record) error {
	w := &waiter{spoolCounts: spoolCounts, done: make(chan struct{}), left: len(records)}
	err := t.await(ctx, w, records)
	if err != nil {
		t.config.Metrics.AuditUnrecorded.Inc()
	}
	return err
}

func (t *Trail) await(ctx context.Context, w *waiter, records []audit.Record) error {
	handed := make([]*audit.Record, len(records))
	for i, r := range records {
		handed[i] = &r
	}
	if !t.queue.put(w, handed...) {
		return fmt.Errorf("%w: too many wait already", ErrUnrecorded)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-w.done:
	case <-ctx.Done():
		w.gone.Store(true)
		return fmt.Errorf("%w in time: %w", ErrUnrecorded, ctx.Err())
	}
	if w.failed {
		return fmt.Errorf("%w: it was lost", ErrUnrecorded)
	}
	return nil
}
