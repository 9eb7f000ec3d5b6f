package webhook

import (
	"slices"
	"time"
)

const (
	// letterEvents and letterBytes bound what one request brings of a webhook that
	// collects events.
	letterEvents = 100
	letterBytes  = 256 << 10
)

// line is the events of one channel that no letter has, in order. It stands in its
// target's lines while it has any or a letter has its head.
type line struct {
	channel string
	events  []*event
	// held says that a letter has its head; else the line stands among those that are
	// ready, or will be.
	held  bool
	ready time.Time
}

// add adds e in its place, which is nearly always the last.
func (l *line) add(e *event) {
	i, _ := slices.BinarySearchFunc(l.events, e, compareEvents)
	l.events = slices.Insert(l.events, i, e)
}

// remove removes the events that drop wants to go, and returns them.
func (l *line) remove(drop func(*event) bool) (removed []*event) {
	l.events, removed = split(l.events, drop)
	return removed
}

// fill moves the line's head into a letter that may have so many events, and says whether
// that was possible. A letter takes one event of any size.
func (l *line) fill(to *letter, most int) bool {
	n := 0
	for _, e := range l.events {
		full := len(to.events) == most || to.size+e.size() > letterBytes
		if full && len(to.events) > 0 {
			break
		}
		to.events = append(to.events, e)
		to.size += e.size()
		n++
	}
	if n == 0 {
		return false
	}
	l.events = l.events[n:]
	l.held = true
	to.lines = append(to.lines, l)
	return true
}
