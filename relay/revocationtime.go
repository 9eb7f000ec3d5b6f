package relay

import (
	"slices"
	"time"

	"buildrelay/auth"
)

const (
	// clockSlack is how much the clock of a master that takes over may be behind, and more: a
	// node knows all that was revoked before it looked, but for that long before.
	clockSlack = 2 * time.Minute
	// RevocationsAhead is how much the number of a revocation may be off Redis' clock. One that is
	// further ahead is none: nothing could be revoked until the clock is there.
	RevocationsAhead = 5 * time.Minute
)

// redisClock is Redis' clock, in its microseconds, as it was when a node looked.
type redisClock struct {
	asOf int64     // 0 where it never looked
	at   time.Time // when that was by the node's own, or when the node began; zero where that is not known
}

// now is what it shows now, or what the node's own does where it never looked.
func (c redisClock) now() int64 {
	if c.asOf == 0 {
		return time.Now().UnixMicro()
	}
	return c.asOf + time.Since(c.at).Microseconds()
}

// unseen is the time by Redis' clock since it looked, or since the node began.
func (c redisClock) unseen(asOf int64) time.Duration {
	switch {
	case c.asOf != 0:
		return time.Duration(asOf-c.asOf) * time.Microsecond
	case c.at.IsZero():
		return 0
	default:
		return time.Since(c.at)
	}
}

// begin notes that from now on the node may have clients.
func (r *Revocations) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock.at = time.Now()
}

// Timely says whether a number is near Redis' clock, as that of what is revoked just now is. Where it
// is not the number is wrong, or the clock is another than it was: then look, see [Hub.CatchUp].
func (r *Revocations) Timely(number int64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	off, ahead := number-r.clock.now(), RevocationsAhead.Microseconds()
	return number > 0 && number <= mostNumber && -ahead <= off && off <= ahead
}

// catchUp takes in what is kept as of a time of Redis' clock. It returns those that were not known,
// and what can not be told any more: whether some were missed, and whether the clock went back.
func (r *Revocations) catchUp(asOf int64, kept []Revocation) (fresh []Revocation, missed, back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ahead := asOf + RevocationsAhead.Microseconds()
	if r.clock.unseen(asOf) > RevocationsKept-clockSlack {
		missed, r.floor = true, asOf-RevocationsKept.Microseconds()
	}
	back = r.turnBack(ahead)
	r.clock = redisClock{asOf, time.Now()}
	for _, n := range kept {
		if n.Number <= ahead && r.put(n) {
			fresh = append(fresh, n)
		}
	}
	// Without this a node that has heard of none since its start would sign what those that
	// remember some take to be outdated.
	r.caught = max(r.caught, asOf-clockSlack.Microseconds())
	return fresh, missed, back
}

// turnBack forgets what is further ahead of Redis' clock than ahead, and says whether the clock went
// back that far.
func (r *Revocations) turnBack(ahead int64) bool {
	back := r.clock.asOf > ahead
	r.caught, r.floor = min(r.caught, ahead), min(r.floor, ahead)
	for _, k := range r.apps {
		from, _ := slices.BinarySearchFunc(k.all, ahead+1, byNumber)
		back = back || from < len(k.all)
		k.all, k.floor = slices.Delete(k.all, from, len(k.all)), min(k.floor, ahead)
	}
	return back
}

// unknown says whether nobody knows what became of a decision: some were missed that were told
// since, or it is of a time that has not come.
func (r *Revocations) unknown(d auth.Decision) bool {
	return d.After < r.floor || r.clock.asOf != 0 && d.After > r.clock.now()+RevocationsAhead.Microseconds()
}

// lost is unknown for a decision, nil being one of a backend: of that nobody knows when it was made, so
// it is lost where some were missed.
func (r *Revocations) lost(d *auth.Decision, missed bool) bool {
	if d == nil {
		return missed
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.unknown(*d)
}
