package trail

import (
	"log/slog"
	"time"
)

// noticeEvery is the pause between two lines of the log about the same.
const noticeEvery = time.Minute

// notices is what the log says of the trail's trouble: at once, and then once a minute.
type notices struct {
	log *slog.Logger

	why         error     // the database takes nothing
	said        time.Time // that it does not
	spoolSaid   time.Time // that the spool does not
	lost        int64     // what the log knows of
	lostSaid    time.Time
	headsBroken bool
}

// away says that the database takes nothing.
func (n *notices) away(w *writer) {
	n.said = time.Now()
	where := "the spool"
	if w.spool == nil {
		where = "memory"
	}
	n.log.Error("the database takes no audit records", "error", n.why, "records_wait_in", where, "records", w.backlog())
}

// spool says that the spool takes nothing.
func (n *notices) spool(err error) {
	n.spoolSaid = time.Now()
	n.log.Error("the audit spool takes no records", "error", err)
}

// tick says again what is still so.
func (n *notices) tick(now time.Time, w *writer) {
	if w.away && now.Sub(n.said) >= noticeEvery {
		n.away(w)
	}
	if w.spoolError != nil && now.Sub(n.spoolSaid) >= noticeEvery {
		n.spool(w.spoolError)
	}
	lost := w.losses.count()
	if lost > n.lost && now.Sub(n.lostSaid) >= noticeEvery {
		n.lostSaid = now
		n.log.Error("audit records were lost", "records", lost)
	}
	n.lost = lost
}

// heads says that the file of heads cannot be written, or can again.
func (n *notices) heads(err error) {
	switch {
	case err != nil && !n.headsBroken:
		n.log.Error("the file of signed heads cannot be written", "error", err)
	case err == nil && n.headsBroken:
		n.log.Info("the file of signed heads is written again")
	}
	n.headsBroken = err != nil
}

// end says what is left.
func (n *notices) end(w *writer) {
	if lost := len(w.pending); lost > 0 {
		n.log.Error("audit records were lost at the end, and no gap tells it")
	}
	if w.spooled() {
		n.log.Warn("audit records wait in the spool until the node runs again", "records", w.spool.lines)
	}
}
