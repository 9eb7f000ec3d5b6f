package trail

import (
	"context"
	"time"

	"buildrelay/relay/audit"
)

// What one commit has at most. It is to take less than half of slow: after one that took
// longer or failed the next has half as many records, and after one that was quick twice as
// many.
const (
	firstBatch     = 500
	mostBatch      = 2_000
	leastBatch     = 25
	mostBatchBytes = 4 << 20
)

const (
	// slow is after what time of waiting for a commit records go to the spool, and expires
	// after what time it is given up.
	slow    = time.Second
	expires = 10 * time.Second
	// A commit that failed is tried again after firstRest, then after twice that, and so on
	// up to longestRest, or lastRest at the end.
	firstRest   = 100 * time.Millisecond
	longestRest = 5 * time.Second
	lastRest    = 250 * time.Millisecond
)

// flight is a commit under way: records from the beginning of what the writer has.
type flight struct {
	entries []audit.Entry
	page    page // what of it is from the spool
	memory  int  // how many of the records in memory are in it, behind those
	began   time.Time
	cancel  context.CancelFunc
}

// landing is how a commit ended.
type landing struct {
	head audit.Head
	err  error
	took time.Duration
}

// launch begins a commit of what waits, unless one is under way.
func (w *writer) launch(ctx context.Context, now time.Time) {
	if w.flight != nil || now.Before(w.rest) {
		return
	}
	f := w.load()
	if len(f.entries) == 0 {
		return
	}
	// What was begun is not broken off where the node ends.
	ctx, f.cancel = context.WithTimeout(context.WithoutCancel(ctx), expires)
	f.began = now
	w.flight = f
	// The writer waits for it, at the end as long as it may.
	go func() {
		head, err := w.config.Store.Append(ctx, w.config.Chain, f.entries)
		w.landed <- landing{head, err, time.Since(now)}
	}()
}

// load takes what fits into a commit.
func (w *writer) load() *flight {
	f := &flight{}
	for w.spooled() && len(f.entries) == 0 {
		page, err := w.spool.peek(w.batch, mostBatchBytes)
		if err != nil {
			w.spoolFails(err)
			w.rest = time.Now().Add(time.Second)
			return f
		}
		f.entries, f.page = page.entries, page
		if len(page.entries) == 0 { // nothing of it fits
			w.unspool(page)
		}
	}
	if len(f.entries) > 0 && f.page.next.at < w.spool.size {
		return f
	}
	bytes := 0
	for _, k := range w.pending {
		bytes += len(k.entry.Line)
		if len(f.entries) >= w.batch || bytes > mostBatchBytes && len(f.entries) > 0 {
			break
		}
		f.entries = append(f.entries, k.entry)
		f.memory++
	}
	return f
}

// land takes note of how a commit ended.
func (w *writer) land(l landing) {
	f := w.flight
	w.flight = nil
	f.cancel()
	m := w.config.Metrics
	m.AuditCommitTime.Observe(l.took.Seconds())
	if l.err != nil {
		m.AuditCommits.WithLabelValues("failed").Inc()
		w.rest = time.Now().Add(min(firstRest<<min(w.fails, 10), w.longestRest))
		w.fails++
		w.batch = max(w.batch/2, leastBatch)
		w.leave(l.err)
		return
	}
	m.AuditCommits.WithLabelValues("done").Inc()
	m.AuditCommitted.Add(float64(len(f.entries)))
	w.fails, w.rest = 0, time.Time{}
	switch {
	case l.took > slow/2:
		w.batch = max(w.batch/2, leastBatch)
	case l.took < slow/8:
		w.batch = min(w.batch*2, mostBatch)
	}
	for _, e := range f.entries[:len(f.entries)-f.memory] {
		w.waiters[e.ID].settle(true)
		delete(w.waiters, e.ID)
	}
	w.unspool(f.page)
	w.forget(f.memory, func(k kept) { k.waiter.settle(true) })
	if l.took < slow || w.backlog() == 0 {
		w.come()
	}
	if w.heads != nil {
		w.heads.newest(l.head)
	}
	if w.config.Changed != nil {
		w.config.Changed(l.head)
	}
	w.tellGaps(time.Now(), false)
}

// watch notes that a commit takes long.
func (w *writer) watch(now time.Time) {
	if w.flight != nil && now.Sub(w.flight.began) >= slow {
		w.leave(errSlow)
	}
}

// leave notes that the database takes nothing.
func (w *writer) leave(why error) {
	w.notices.why = why
	if w.away {
		w.health.explain(why.Error())
		return
	}
	w.away, w.since = true, time.Now()
	w.health.enter(away, why.Error())
	w.notices.away(w)
}

// come notes that the database takes records.
func (w *writer) come() {
	if w.away {
		w.away = false
		w.health.enter(writing, "")
		w.config.Log.Info("the database takes audit records again",
			"after", time.Since(w.since).Round(time.Millisecond), "records_waiting", w.backlog())
	}
	if !w.spooled() {
		w.queue.blame(lostMemory)
	}
}
