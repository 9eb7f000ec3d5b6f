package roster

import (
	"context"
	"errors"
	"sync"

	"buildrelay/relay/redisconn"
)

// follow tells the masters of one map what they have, until there is another or ctx ends. In
// the end it tells what is left to tell, as long as life; but not masters that may be none any
// more: what is left the next ones are told.
func (r *Roster) follow(ctx, life context.Context, who *redisconn.Map, sink Sink) {
	life, cut := context.WithCancel(life)
	defer cut()
	ctx, end := context.WithCancel(ctx)
	defer end()
	over := func() {
		cut() // before it could be said that this node ends
		end()
	}
	var running sync.WaitGroup
	for master, parts := range r.partsOf(who) {
		t := newTeller(r, sink, parts)
		t.who, t.master, t.over = who, master, over
		running.Go(func() { t.run(ctx, life) })
	}
	running.Go(func() { r.watch(ctx, who, over) })
	running.Wait()
}

// partsOf returns which partitions each master has.
func (r *Roster) partsOf(who *redisconn.Map) map[string][]*part {
	all := make(map[string][]*part)
	for _, p := range r.parts {
		master := who.Of(p.name)
		all[master] = append(all[master], p)
	}
	return all
}

// watch looks who the masters are as often as leases are refreshed: one that is none any more
// may not know it, and take what it is told for a while.
func (r *Roster) watch(ctx context.Context, who *redisconn.Map, over func()) {
	if r.config.Redis.Await(ctx, r.config.Refresh, func(m *redisconn.Map) bool { return !m.Equal(who) }) != nil {
		over()
	}
}

// teller tells a master the partitions that it has, by one session after the other.
type teller struct {
	*Roster
	sink   Sink
	parts  []*part
	who    *redisconn.Map
	master string
	// over says that there is another map.
	over func()
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
		leased, err := t.tell(ctx, life)
		if ctx.Err() != nil || life.Err() != nil {
			return
		}
		if leased {
			wait, failed = firstPause, false
		}
		t.noteAway(t.parts, err, failed)
		failed = true
		pause(ctx, wait)
		wait = min(2*wait, lastPause, t.config.Refresh*2/5)
	}
}

// tell runs a session, if the masters are the same still.
func (t *teller) tell(ctx, life context.Context) (leased bool, err error) {
	if _, err := t.config.Redis.Find(ctx); err != nil {
		return false, err
	}
	if !t.isMaster() {
		return false, errOver
	}
	return t.runSession(ctx, life)
}

// isMaster says whether the masters are the same still, as far as is known; where they are
// not, all is over.
func (t *teller) isMaster() bool {
	if now := t.config.Redis.Last(); now != t.who && !now.Equal(t.who) {
		t.over()
		return false
	}
	return true
}

var errOver = errors.New("Redis has other masters")
