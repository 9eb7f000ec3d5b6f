package trail

import (
	"context"
	"time"
)

const (
	// lastCommits is how long commits go on after the end, and lastWait how long the writer
	// then waits for one that it broke off.
	lastCommits = 3 * time.Second
	lastWait    = time.Second
	// lastRoom is the room in the spool for what tells of losses, behind its limit.
	lastRoom = 64 << 10
)

// finish commits what waits, and what is then left goes to the spool.
func (w *writer) finish(ctx context.Context) {
	for _, r := range w.sampler.sweep(time.Now(), true) {
		w.queue.put(nil, &r)
	}
	w.queue.close()
	w.ending = true
	w.gather()
	if !w.away && !w.spooled() {
		w.tellGaps(time.Now(), true)
	}
	w.rest, w.longestRest = time.Time{}, lastRest
	w.commitRest(ctx)
	w.breakOff()
	w.spoolRest, w.away = time.Time{}, true
	w.spill(time.Now(), w.config.SpoolBytes)
	w.giveUp()
	w.tellGaps(time.Now(), true)
	w.spoolRest = time.Time{}
	w.spill(time.Now(), w.config.SpoolBytes+lastRoom)
	w.notices.end(w)
	w.writeHeads()
	w.health.count(w.spool, 0, 0)
	w.health.enter(resting, "")
	if w.spool != nil {
		_ = w.spool.close() // it was written to the disk
	}
}

// commitRest goes on until the database has everything, of the spool, too; or, where it takes
// nothing, until the rest can go there; but not for long.
func (w *writer) commitRest(ctx context.Context) {
	over := time.NewTimer(lastCommits)
	defer over.Stop()
	for {
		now := time.Now()
		w.watch(now)
		w.spill(now, w.config.SpoolBytes)
		spoolable := w.spool != nil && w.spoolError == nil
		if !spoolable || !w.away {
			w.launch(ctx, now)
		}
		if w.flight == nil && (w.backlog() == 0 || w.away && spoolable) {
			return
		}
		select {
		case l := <-w.landed:
			w.land(l)
		case <-w.due():
		case <-over.C:
			return
		}
	}
}

// breakOff ends a commit that is under way. Whether the database has it nobody knows then; it
// is handed in again by who reads the spool.
func (w *writer) breakOff() {
	if w.flight == nil {
		return
	}
	w.flight.cancel()
	select {
	case l := <-w.landed:
		w.land(l)
	case <-time.After(lastWait):
	}
}

// giveUp counts what could neither be committed nor spooled.
func (w *writer) giveUp() {
	for _, k := range w.pending {
		w.losses.add(lostEnd, 1, k.entry.OccurredAt)
	}
	w.forget(len(w.pending), func(k kept) { k.waiter.settle(false) })
}
