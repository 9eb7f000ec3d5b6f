package audit

import "crypto/hmac"

const (
	mostOpen    = 64   // bad records that are compared with each further one
	mostRemoved = 1000 // records that may be missing in front of one that was numbered anew
	mostRemade  = 100  // problems after which nobody looks for such
)

// suspect is a record that does not follow the one before it.
type suspect struct {
	rec     Stored
	prev    Link // what it should follow
	sure    bool // of prev
	next    *suspect
	finding int // what was told of it
}

// place is the number that the record should have had.
func (s *suspect) place() int64 { return s.prev.Seq + 1 }

// run is the bad records since the last good one.
type run struct {
	first, last *suspect
	n           int64
}

// suspect takes s as bad: as changed where what it should follow is known, else as unproven.
func (v *Verifier) suspect(s Stored) {
	what := edited.says("it is not the record that was written here")
	if !v.sure {
		what = unproven.says("it follows a record that was changed or is missing, so that nothing shows whether it was changed too")
	}
	full := v.findings.full()
	bad := &suspect{rec: s, prev: v.link, sure: v.sure, finding: v.findings.add(problem(s, what))}
	switch {
	case v.run.n == 0:
		v.run.first = bad
	case !full: // no more than are told are kept
		v.run.last.next = bad
	}
	v.run.last = bad
	v.run.n++

	var computed []byte
	if v.sure { // only its MAC may have been changed
		computed = v.key.Next(v.link, s.Line).MAC
		v.open = append(v.open[max(0, len(v.open)-mostOpen+1):], bad)
	}
	v.link.Seq++
	v.goOn(s.MAC, false)
	v.other = computed
}

// explain reports whether it is clear how s came to its place, and goes on behind it then.
func (v *Verifier) explain(s Stored) bool {
	if v.findings.full() {
		return false
	}
	for i, bad := range v.open {
		mac := v.key.Next(bad.prev, s.Line).MAC
		if !hmac.Equal(mac, s.MAC) && !hmac.Equal(mac, bad.rec.MAC) {
			continue
		}
		if v.swapped(bad, mac, s) || v.inserted(bad, mac, s) {
			v.open = append(v.open[:i], v.open[i+1:]...)
			return true
		}
	}
	return v.renumbered(s)
}

// swapped tells that bad and s have changed places, if so; mac is what s had at bad's.
func (v *Verifier) swapped(bad *suspect, mac []byte, s Stored) bool {
	prev := v.link
	if bad.place() == prev.Seq {
		prev.MAC = mac
	}
	here := v.key.Next(prev, bad.rec.Line).MAC
	if !hmac.Equal(here, s.MAC) && !hmac.Equal(here, bad.rec.MAC) {
		return false
	}
	v.findings.change(bad.finding, problem(bad.rec, swapped.says("it was written as number %d, and has changed places with what was written here", s.Seq)))
	v.findings.add(problem(s, swapped.says("it was written as number %d, and has changed places with what was written here", bad.rec.Seq)))
	if next := bad.next; next != nil && !next.sure && v.fits(bad.place(), mac, next.rec.Line, next.rec.MAC) {
		v.findings.clear(next.finding)
	}
	v.link.Seq++
	v.goOn(here, true)
	v.run = run{}
	return true
}

// inserted tells that the bad records in front of s were put there, if so.
func (v *Verifier) inserted(bad *suspect, mac []byte, s Stored) bool {
	if bad != v.run.first || !hmac.Equal(mac, s.MAC) {
		return false
	}
	v.findings.insertedFrom(bad.finding, "it was never written, and those behind it are numbered too high")
	v.link.Seq = bad.prev.Seq
	v.keep(s)
	v.checkIndex(s)
	return true
}

// renumbered tells that records were taken out in front of the one before s, if so, and
// those behind them have their numbers.
func (v *Verifier) renumbered(s Stored) bool {
	bad := v.run.first
	if v.run.n != 1 || !bad.sure || v.findings.found > mostRemade {
		return false
	}
	for n := int64(1); n <= mostRemoved; n++ {
		if !v.fits(v.link.Seq+n, bad.rec.MAC, s.Line, s.MAC) {
			continue
		}
		v.findings.change(bad.finding, Problem{v.chain, bad.rec.Seq, "", dropped.says(
			"%d that had this number and the next ones are missing, and those behind them are numbered too low", n)})
		v.findings.add(problem(bad.rec, unproven.says("it follows a record that is missing, so that nothing shows whether it was changed")))
		v.link.Seq += n
		v.keep(s)
		v.checkIndex(s)
		return true
	}
	return false
}
