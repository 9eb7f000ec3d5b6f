package trail

import (
	"context"
	"time"

	"buildrelay/relay/audit"
)

// pace is the pause between two takings of what was noted, unless somebody waits or there is
// plenty: so a quiet node makes few commits.
const pace = 20 * time.Millisecond

// kept is a record in the writer's memory, written down.
type kept struct {
	entry  audit.Entry
	weight int     // as the queue counts it
	waiter *waiter // nil: nobody waits
}

// writer brings records to the database. What it has is in one order: first the spool's, then
// those in memory; what it hands to the database is the beginning of that, and stays where it
// is until the database has it. All is of the goroutine that runs it.
type writer struct {
	*Trail
	spool   *spool // nil: there is none
	pending []kept // in memory
	room    []note // for the queue to use again
	// waiters are those of records in the spool, by the record's id.
	waiters map[string]*waiter
	taken   time.Time // the queue
	ending  bool      // nothing more is noted

	flight *flight // nil: the database has nothing to do
	landed chan landing
	// fails are the commits that failed in a row, and rest is until when none is tried.
	fails       int
	rest        time.Time
	longestRest time.Duration
	batch       int // how many records the next commit has at most
	// away says that records are not taken; since, for the log.
	away  bool
	since time.Time

	// spoolError is why the spool takes nothing, or nil, and spoolRest until when none is
	// tried.
	spoolError error
	spoolRest  time.Time

	heads   *heads // nil: there is no file
	notices notices
}

func newWriter(t *Trail) *writer {
	w := &writer{
		Trail: t, waiters: make(map[string]*waiter), landed: make(chan landing, 1),
		longestRest: longestRest, batch: firstBatch, notices: notices{log: t.config.Log},
	}
	if t.config.Spool != "" {
		w.spool = newSpool(t.config.Spool, t.config.SpoolBytes, t.config.Key)
	}
	if t.config.Heads != "" {
		w.heads = newHeads(t.config)
	}
	return w
}

// run writes until ctx ends, and then what is left.
func (w *writer) run(ctx context.Context) {
	w.begin()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		w.step(ctx)
		select {
		case <-ctx.Done():
			w.finish(ctx)
			return
		case <-w.queue.wake:
		case l := <-w.landed:
			w.land(l)
		case <-w.due():
		case <-tick.C:
			w.tick()
		}
	}
}

// begin looks what the last process left.
func (w *writer) begin() {
	w.health.enter(writing, "")
	if w.spool == nil {
		return
	}
	if err := w.spool.open(); err != nil {
		w.spoolFails(err)
	} else if w.spool.bytes() > 0 {
		w.config.Log.Info("audit records are in the spool, the database gets them first", "records", w.spool.lines)
	}
}

// step does what can be done now.
func (w *writer) step(ctx context.Context) {
	now := time.Now()
	if some, hurry := w.queue.waits(); some && (hurry || now.Sub(w.taken) >= pace) {
		w.taken = now
		w.gather()
	}
	w.watch(now)
	w.spill(now, w.config.SpoolBytes)
	w.launch(ctx, now)
	w.health.count(w.spool, len(w.pending), w.losses.count())
}

// due tells when step has something to do although nothing happened: what was noted has
// waited for others, the database has rested, or it has had its time. It is nil when never.
func (w *writer) due() <-chan time.Time {
	var at time.Time
	sooner := func(other time.Time) {
		if at.IsZero() || other.Before(at) {
			at = other
		}
	}
	if some, _ := w.queue.waits(); some {
		sooner(w.taken.Add(pace))
	}
	switch {
	case w.flight != nil && !w.away:
		sooner(w.flight.began.Add(slow))
	case w.flight == nil && (len(w.pending) > 0 || w.spooled()):
		sooner(w.rest)
	}
	if at.IsZero() {
		return nil
	}
	return time.After(time.Until(at))
}

// spooled says whether the database has yet to take what is in the spool.
func (w *writer) spooled() bool { return w.spool != nil && w.spool.bytes() > 0 }

// gather writes down what was noted.
func (w *writer) gather() {
	notes := w.queue.take(w.room)
	for _, n := range notes {
		w.encode(n)
	}
	clear(notes)
	w.room = notes
}

func (w *writer) encode(n note) {
	e, err := audit.Encode(n.record)
	switch {
	case err != nil:
		w.config.Log.Error("an audit record cannot be written down", "action", n.record.Action, "error", err)
	case len(e.Line) > mostLine-1024:
		w.config.Log.Error("an audit record is too long", "action", n.record.Action, "bytes", len(e.Line))
	default:
		weight := 256 + len(e.Line)
		w.queue.release(0, n.weight-weight)
		w.pending = append(w.pending, kept{e, weight, n.waiter})
		return
	}
	w.queue.release(1, n.weight)
	w.losses.add(lostEncoding, 1, n.record.OccurredAt)
	n.waiter.settle(false)
}

// forget removes the first records in memory, and says what became of them.
func (w *writer) forget(n int, settle func(kept)) {
	bytes := 0
	for _, k := range w.pending[:n] {
		bytes += k.weight
		settle(k)
	}
	w.queue.release(n, bytes)
	rest := copy(w.pending, w.pending[n:])
	clear(w.pending[rest:])
	w.pending = w.pending[:rest]
}

// tick does what is done once a second.
func (w *writer) tick() {
	now := time.Now()
	for _, r := range w.sampler.sweep(now, false) {
		w.queue.put(nil, &r)
	}
	if w.flight == nil && len(w.pending) == 0 {
		w.tellGaps(now, false)
	}
	w.writeHeads()
	w.notices.tick(now, w)
	for id, waiter := range w.waiters {
		if waiter.gone.Load() {
			delete(w.waiters, id)
		}
	}
}

// tellGaps notes what was lost, once records reach the database again; or at the end.
func (w *writer) tellGaps(now time.Time, end bool) {
	if !end && (w.away || w.spooled()) {
		return
	}
	for _, gap := range w.losses.take(now, end) {
		e, err := audit.Encode(w.Own(audit.ActionAuditGap, gap))
		if err != nil {
			w.config.Log.Error("a gap in the audit trail cannot be written down", "error", err)
			continue
		}
		k := kept{entry: e, weight: 256 + len(e.Line)}
		w.queue.release(-1, -k.weight) // there is always room for it
		w.pending = append(w.pending, k)
	}
}

// writeHeads writes the file of heads, where there is one and something new to write.
func (w *writer) writeHeads() {
	if w.heads == nil {
		return
	}
	w.notices.heads(w.heads.write())
}
