package checker

import "buildrelay/protocol"

// gapTold checks a gap and moves the reader behind it; at is the frame's position.
func (w *walk) gapTold(g *protocol.Gap, at protocol.Position) {
	before := w.gap
	switch {
	case g == nil:
		w.wrong(Mistold, 1, "a gap that cannot be read")
		return
	case before != nil && before.ResumeAt != (protocol.Position{}):
		w.wrong(Mistold, 1, "a gap was told twice, with no entry between")
	case w.known && !w.isAt(g.From):
		w.wrong(Mistold, 1, "the gap begins at %s, the reader stands at %s", g.From, w.at)
	case !w.known && !g.Reset:
		w.arrive(g.From.Epoch, g.From.ID.Offset)
	}
	switch g.Reason {
	case protocol.GapTrimmed:
		w.trimmed(g)
	case protocol.GapEpoch:
		w.reset(g, w.Renews && g.From.Epoch != at.Epoch)
	case protocol.GapRollback, protocol.GapFork:
		w.reset(g, w.Rewinds && g.From.Epoch == at.Epoch)
	case protocol.GapUnavailable:
		w.wrong(Mistold, 1, "nothing is unreadable")
	default:
		w.wrong(Mistold, 1, "an unknown reason %q", g.Reason)
	}
	if g.ResumeAt != (protocol.Position{}) && (g.ResumeAt.Epoch != at.Epoch || g.ResumeAt.ID.Offset != at.ID.Offset+1) {
		w.wrong(Mistold, 1, "the gap's position is %s, but it resumes at %s", at, g.ResumeAt)
	}
	w.known, w.at, w.gap = true, at, g
	w.gap.After = at
}

// trimmed checks the count, and that what is missing is not retained.
func (w *walk) trimmed(g *protocol.Gap) {
	after := w.view.Sights[w.i].At
	missing := int64(after.ID.Offset) - int64(g.From.ID.Offset)
	switch {
	case g.Reset:
		w.wrong(Mistold, 1, "nothing is reset by trimming")
	case g.Missing != missing || missing < 1:
		w.wrong(Mistold, 1, "%d entries are missing, told are %d", missing, g.Missing)
	}
	w.retained(after)
}

// reset checks that the log is another one, or has come back shorter, and that the
// reader is given all of it. due says that such a thing can be.
func (w *walk) reset(g *protocol.Gap, due bool) {
	switch {
	case !due:
		w.wrong(Mistold, 1, "nothing happened to the log that is called %s", g.Reason)
	case !g.Reset || g.Missing >= 0:
		w.wrong(Mistold, 1, "another log has a gap that resets and counts nothing")
	}
	clear(w.seen)
	w.retained(w.view.Sights[w.i].At)
}

// retained says that entries that were left out are still there: what Redis has in
// the end it had all the time.
func (w *walk) retained(upTo protocol.Position) {
	l := w.logs[w.view.Channel]
	if l != nil && l.Top.Epoch == upTo.Epoch && upTo.ID.Offset >= l.oldest() {
		w.wrong(Mistold, 1, "the log still has the entries from %d on that were left out up to %s", l.oldest(), upTo)
	}
}
