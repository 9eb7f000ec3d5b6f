package roster

import (
	"context"
	"time"
)

// teller tells a master the partitions that it has, by one session after the other.
type teller struct {
	*Roster
	sink  Sink
	parts []*part
	// changed holds one signal, sent when there is something to tell.
	changed chan struct{}
}

func newTeller(r *Roster, sink Sink, parts []*part) *teller {
	t := &teller{Roster: r, sink: sink, parts: parts, changed: make(chan struct{}, 1)}
	for _, p := range parts {
		r.wishes.signalTo(t.changed, p.number)
	}
	return t
}

// run tells until ctx ends, and then what is left to tell, as long as life.
func (t *teller) run(ctx, life context.Context) {
	wait, failed := firstPause, false
	for ctx.Err() == nil {
		leased, err := t.runSession(ctx, life)
		if ctx.Err() != nil {
			return
		}
		if leased {
			wait, failed = firstPause, false
		}
		t.noteAway(true)
		if !failed {
			t.log.Warn("Redis cannot be told who is here, trying again", "error", err)
		}
		failed = true
		pause(ctx, wait)
		wait = min(2*wait, lastPause, t.config.Refresh*2/5)
	}
}

// noteAway notes whether Redis cannot be told.
func (t *teller) noteAway(away bool) {
	now := time.Now()
	for _, p := range t.parts {
		if !away {
			p.away.Store(nil)
		} else {
			p.away.CompareAndSwap(nil, &now)
		}
	}
}
