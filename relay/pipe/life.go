package pipe

import (
	"fmt"
	"time"

	"buildrelay/protocol"
)

// life is one life of the build's log: it lasts as long as Redis keeps it. On a
// channel without a log there is one.
type life struct {
	run    string // names this build among all
	live   bool   // the channel has no log
	number int    // of this life, from 0
	epoch  string // empty until a receipt has told it, and on a channel without a log
	top    uint64 // offset of the newest event, as receipts tell it
	events int64  // that were made for it
	seq    int64  // of the newest output
	done   int64  // bytes of output that were published
}

// event returns the event of a record. Its id is another one for each record and in
// each life: what a former log has taken is not yet in this one. On a channel without a
// log it has none: readers know by seq what they have, and a relay may lack the right to
// remember ids.
func (l *life) event(channel string, r Record) (protocol.Event, error) {
	data, err := encode(r)
	l.events++
	e := protocol.Event{Name: r.Event(), Channel: channel, Data: data, Append: l.append(r)}
	if !l.live {
		e.ID = fmt.Sprintf("%s-%d-%d", l.run, l.number, l.events)
	}
	return e, err
}

// append says how a record joins the log: the first begins it, and takes the place
// of one that is closed; the last closes it; those between must not begin another.
func (l *life) append(r Record) *protocol.Append {
	switch r := r.(type) {
	case Started:
		return &protocol.Append{Begin: true}
	case Finished:
		return &protocol.Append{Epoch: l.epoch, Final: &protocol.Final{Lines: &r.Lines, Bytes: &r.Bytes}}
	default:
		return &protocol.Append{Epoch: l.epoch}
	}
}

// numbered gives outputs their Seq.
func (l *life) numbered(outputs []Output) []Record {
	records := make([]Record, len(outputs))
	for i, o := range outputs {
		l.seq++
		o.Seq = l.seq
		records[i] = o
	}
	return records
}

// advance takes in where events stand that were published. It reports false if they
// stand where others did: Redis has gone back to an older state of the log.
func (l *life) advance(positions []protocol.Position) (ok bool) {
	l.epoch, ok = "", true
	for _, at := range positions {
		ok = ok && (at.Epoch == "" || at.ID.Offset > l.top)
		l.epoch, l.top = at.Epoch, at.ID.Offset
	}
	l.live = l.epoch == ""
	return ok
}

// pause is how long to wait before the next life begins. A Redis that cannot keep
// the log is not to be filled with it again and again.
func (l *life) pause() time.Duration {
	return min(firstDelay<<min(l.number, 10), lastDelay)
}
