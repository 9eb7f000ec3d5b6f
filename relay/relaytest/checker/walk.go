package checker

import (
	"fmt"
	"time"

	"buildrelay/protocol"
)

// walk follows what one reader was shown.
type walk struct {
	*check
	view *View
	i    int // the sight at hand

	// at is where the reader stands, once that is known. The zero Position is the
	// beginning of whatever log comes.
	at    protocol.Position
	known bool
	// subscribed is when the subscription in force was told.
	subscribed time.Time
	// gap is the newest that was told, until an entry follows or a new subscription.
	gap *protocol.Gap
	// seen are the entries that the page shows, and when they were.
	seen  map[protocol.Position]bool
	stale bool
	last  protocol.Position // of the entry or position right before, else the zero Position
	final protocol.Position // where the newest relay:final was told
}

// walk checks a view, sight by sight.
func (c *check) walk(v *View) {
	w := &walk{check: c, view: v, seen: make(map[protocol.Position]bool)}
	for w.i = range v.Sights {
		s := &v.Sights[w.i]
		w.sight(s)
		w.last = protocol.Position{}
		if s.Kind == Entry || s.Kind == Position {
			w.last = s.At
		}
	}
	w.end()
}

func (w *walk) sight(s *Sight) {
	switch s.Kind {
	case Subscribed:
		w.subscribe(s)
	case Position:
		w.position(s)
	case Entry:
		w.report.Delivered++
		w.entry(s)
	case GapTold:
		w.report.Told++
		w.windows.at(s.Time).Told++
		w.gapTold(s.Gap, s.At)
	case FinalTold:
		w.finalTold(s)
		w.final = s.At
	case Stale, Fresh:
		if w.stale == (s.Kind == Stale) {
			w.wrong(Mistold, 1, "it was told to be %s twice", s.Kind)
		}
		w.stale = s.Kind == Stale
		if !w.stale && !w.known { // it has the end of the log, as that is when it is fresh
			w.subscribed = s.Time
		}
	case Other:
		w.wrong(Mistold, 1, "%.200s came", s.Data)
	case Cut:
		w.stale = false
	}
}

// subscribe sets where the reader stands by what it asked for.
func (w *walk) subscribe(s *Sight) {
	w.subscribed, w.gap = s.Time, nil
	switch s.Start.Kind {
	case protocol.StartSince:
		if !w.known || w.at != s.Start.Since {
			w.wrong(Mistold, 1, "the reader asked for %s, and stands at %s: the reader is broken", s.Start.Since, w.at)
		}
		return
	case protocol.StartFirst:
		w.known = true
	case protocol.StartNow, protocol.StartCount, protocol.StartBytes:
		w.known = false
	}
	w.at = protocol.Position{}
	clear(w.seen) // a new page
}

// position is told to a reader that asked for a place.
func (w *walk) position(s *Sight) {
	if w.known && !w.isAt(s.At) {
		w.wrong(Mistold, 1, "it was told to stand at %s, and stands at %s", s.At, w.at)
	}
	w.known, w.at = true, s.At
}

// isAt says whether the reader stands there. All beginnings are one to a reader
// that has seen nothing.
func (w *walk) isAt(at protocol.Position) bool {
	return w.at == at || w.at.ID == protocol.ID{} && at.ID == protocol.ID{} && (w.at.Epoch == "" || at.Epoch == "")
}

func (w *walk) entry(s *Sight) {
	if s.At == (protocol.Position{}) {
		w.wrong(Mistold, 1, "an entry without a position came")
		return
	}
	w.agree(w.view.where(), w.view.Channel, s.At, s.Data, s.Time, w.trace)
	if !w.written(w.view.Channel, s.Data) {
		w.wrong(Invented, 1, "%.80q was never written", s.Data)
	}
	w.checkOrder(s.At)
	w.seen[s.At] = true
	w.gap = nil
}

// checkOrder compares an entry's place with where the reader stands, and goes there.
func (w *walk) checkOrder(at protocol.Position) {
	if !w.known {
		w.arrive(at.Epoch, at.ID.Offset-1)
		w.known, w.at = true, at
		return
	}
	sameLog := w.at.Epoch == at.Epoch || w.at == protocol.Position{}
	prev, known := w.prevs[place{w.view.Channel, at}]
	switch {
	case w.seen[at]:
		w.wrong(Doubled, 1, "%s came again", at)
		return
	case !sameLog:
		w.wrong(Silent, 1, "%s came behind %s, of another log", at, w.at)
	case at.ID.Offset <= w.at.ID.Offset:
		w.wrong(Swapped, 1, "%s came behind %s", at, w.at)
		return
	case at.ID.Offset > w.at.ID.Offset+1:
		w.wrong(Silent, int(at.ID.Offset-w.at.ID.Offset-1), "%s came behind %s", at, w.at)
	case known && prev != w.at.ID:
		w.wrong(Silent, 1, "%s came behind %s, where the log has %s: it forked", at, w.at, prev)
	case w.gap != nil && w.gap.ResumeAt != (protocol.Position{}) && w.gap.ResumeAt != at:
		w.wrong(Mistold, 1, "%s came, where the gap said %s", at, w.gap.ResumeAt)
	}
	w.at = at
}

// arrive is called for a reader that began at no place that it knows, when it comes to
// one: everything that was appended since its subscription was granted is behind that.
func (w *walk) arrive(epoch string, offset uint64) {
	now := w.view.Sights[w.i].Time
	w.missed(func(call *Call) bool {
		return call.Ended.Before(now) && call.At.Epoch == epoch && call.At.ID.Offset <= offset
	})
}

// missed finds what was appended since the subscription was granted, ought to have been
// seen and was not.
func (w *walk) missed(ought func(*Call) bool) {
	missed := 0
	for _, call := range w.ofLog[w.view.Channel] {
		ours := call.Outcome == OK && call.Invoked.After(w.subscribed)
		if ours && ought(call) {
			missed++
		}
	}
	if missed > 0 {
		w.wrong(Silent, missed, "it was subscribed at %s, and %d entries of later did not come", clock(w.subscribed), missed)
	}
}

func (w *walk) finalTold(s *Sight) {
	digest := w.digests[place{w.view.Channel, s.At}]
	switch {
	case w.last != s.At:
		w.wrong(Mistold, 1, "the end was told at %s, not right behind its entry or the position there", s.At)
	case s.Final == nil || uint64(s.Final.Entries) != s.At.ID.Offset || digest != "" && digest != s.Final.Digest:
		w.wrong(Mistold, 1, "the end at %s was told as %+v; the digest is %q", s.At, s.Final, digest)
	}
}

// end checks that the reader got everything.
func (w *walk) end() {
	l := w.logs[w.view.Channel]
	switch {
	case w.stale:
		w.wrong(Mistold, 1, "it is stale in the end")
	case l == nil:
	case !w.known:
		w.missed(func(call *Call) bool { return w.stands[place{l.Channel, call.At}] })
	case w.at.Epoch == l.Top.Epoch && w.at.ID.Offset < l.Top.ID.Offset:
		w.wrong(Lost, int(l.Top.ID.Offset-w.at.ID.Offset), "it ends at %s, the log at %s", w.at, l.Top)
	case w.at != l.Top:
		w.wrong(Lost, 1, "it ends at %s, the log at %s", w.at, l.Top)
	case l.Closed && w.final != l.Top:
		w.wrong(Mistold, 1, "the end at %s was not told", l.Top)
	}
}

func (w *walk) wrong(kind Wrong, count int, format string, args ...any) {
	v := Violation{Wrong: kind, Where: w.view.where(), What: fmt.Sprintf(format, args...), Count: count, Trace: w.trace()}
	if len(w.view.Sights) > 0 {
		v.When = w.view.Sights[w.i].Time
	}
	w.violation(v)
}

func (w *walk) trace() []string { return w.view.trace(w.i) }

func (v *View) where() string { return v.Channel + ", " + v.Reader }

// trace shows the sights about the i-th.
func (v *View) trace(i int) (lines []string) {
	for j := max(0, i-around); j < min(len(v.Sights), i+around+1); j++ {
		lines = append(lines, mark(j == i)+v.Sights[j].String())
	}
	return lines
}

// String is for traces.
func (s Sight) String() string {
	text := fmt.Sprintf("%s %s %s", clock(s.Time), s.Kind, s.At)
	switch s.Kind {
	case Subscribed:
		text = fmt.Sprintf("%s subscribed, from %+v", clock(s.Time), s.Start)
	case Entry:
		text += " " + brief(s.Data)
	case GapTold:
		text += fmt.Sprintf(" %+v", *s.Gap)
	case FinalTold:
		text += fmt.Sprintf(" %+v", s.Final)
	case Other:
		text += " " + s.Data
	case Position, Stale, Fresh, Cut:
	}
	return text
}
