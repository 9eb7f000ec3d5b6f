package trail

import (
	"errors"
	"time"
)

// errSlow says why records go to the spool before a commit has ended.
var errSlow = errors.New("the database has not answered for a second")

// spill moves records from memory to the spool, up to a size of its file, while the database
// takes none, or where more comes than it takes.
func (w *writer) spill(now time.Time, limit int64) {
	if w.spool == nil || len(w.pending) == 0 || now.Before(w.spoolRest) {
		return
	}
	if !w.away && !w.behind() {
		return
	}
	for len(w.pending) > 0 {
		ends, err := w.spool.add(w.pending[:min(len(w.pending), mostBatch)], limit)
		if errors.Is(err, errSpoolFull) && w.flight == nil && w.spool.wasteful() {
			if err = w.spool.compact(); err == nil {
				continue
			}
		}
		if err != nil {
			w.spoolFails(err)
			return
		}
		w.spoolWorks()
		w.spilled(ends)
	}
}

// behind says that memory would soon be full. At the end nothing more comes, and what waits is
// rather committed.
func (w *writer) behind() bool {
	return len(w.pending) > w.queue.most/2 && (w.spooled() || !w.ending)
}

// spilled notes that the first records in memory are in the spool now, where they end in its
// file at ends.
func (w *writer) spilled(ends []int64) {
	if f := w.flight; f != nil && f.memory > 0 {
		moved := min(f.memory, len(ends))
		f.memory -= moved
		f.page.lines += moved
		f.page.next.at = ends[moved-1]
		f.page.next.number = w.spool.next - 1 - int64(len(ends)-moved)
		f.page.next.unfit = 0
	}
	w.forget(len(ends), func(k kept) {
		switch {
		case k.waiter == nil:
		case k.waiter.spoolCounts:
			k.waiter.settle(true)
		default:
			w.waiters[k.entry.ID] = k.waiter
		}
	})
}

// unspool removes from the spool what the database has.
func (w *writer) unspool(p page) {
	if p.lines == 0 {
		return
	}
	w.spool.advance(p.lines, p.next)
	if p.lost > 0 {
		w.losses.add(lostSpool, p.lost, time.Now())
	}
}

// spoolFails notes that the spool takes nothing. It is tried again in a second.
func (w *writer) spoolFails(err error) {
	w.spoolRest = time.Now().Add(time.Second)
	why := lostDisk
	if errors.Is(err, errSpoolFull) {
		why = lostFull
	}
	w.queue.blame(why)
	if w.spoolError == nil || w.spoolError.Error() != err.Error() {
		w.notices.spool(err)
	}
	w.spoolError = err
}

func (w *writer) spoolWorks() {
	if w.spoolError != nil {
		w.config.Log.Info("the audit spool takes records again")
	}
	w.spoolError = nil
	w.queue.blame(lostMemory)
}

// backlog is how many records the database has yet to take.
func (w *writer) backlog() int {
	n := len(w.pending)
	if w.spool != nil {
		n += w.spool.lines
	}
	return n
}
