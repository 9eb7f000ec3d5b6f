package audit

import (
	"bytes"
	"crypto/hmac"
	"fmt"
)

// Verifier walks one chain and collects what is not as it was written. It trusts nothing but
// the key: what a record claims is compared with what its MAC and the heads say. Goroutines
// must not share one.
//
// A MAC is over the record and the MAC before it. So a record behind one whose MAC is not
// known can be anything: it is told as unproven, until a head or the right record for the
// place shows the MAC.
type Verifier struct {
	key   Key
	chain string

	// Where the walk is: the number of the last record as it is stored, and the link it is
	// taken to have, whose number differs where records were put in or taken out and the
	// others were numbered anew. sure says that link's MAC was the one written there;
	// otherwise it may also have been other.
	stored int64
	link   Link
	sure   bool
	other  []byte

	// Bad records: those since the last good one, and those that may be found to have changed
	// places with one that is to come. See suspects.go.
	run  run
	open []*suspect

	// Heads: those of records to come, in order; the number of the newest that is behind
	// the walk; and the newest good record, which a head must have signed.
	ahead  []Head
	signed int64
	good   Stored
	goodAt int64

	findings findings
}

// NewVerifier begins at the start of a chain, or at its base where its beginning was purged
// (nil: it was not).
func NewVerifier(k Key, chain string, base *Head) *Verifier {
	v := &Verifier{key: k, chain: chain, link: Link{Chain: chain}, sure: true, good: Stored{Chain: chain}}
	if base == nil {
		return v
	}
	switch err := k.CheckBase(*base); {
	case err != nil:
		v.findings.add(Problem{chain, base.Seq, "", badHead.says("the base, which stands for what was purged: %v", err)})
	case base.Chain != chain:
		v.findings.add(Problem{chain, base.Seq, "", badHead.says("the base is of the chain %q", Clean(base.Chain))})
	}
	v.link.Seq, v.link.MAC = base.Seq, base.MAC
	v.stored, v.signed, v.good.Seq, v.goodAt = base.Seq, base.Seq, base.Seq, base.Seq
	return v
}

// NewVerifierBehind begins behind a head of a chain, for who looks at the newest records alone. It
// proves nothing of the records before.
func NewVerifierBehind(k Key, chain string, h Head) *Verifier {
	v := NewVerifier(k, chain, nil)
	if err := k.CheckHead(h); err != nil {
		v.findings.add(Problem{chain, h.Seq, "", badHead.says("%v", err)})
	}
	v.link.Seq, v.link.MAC = h.Seq, h.MAC
	v.stored, v.signed, v.good.Seq, v.goodAt = h.Seq, h.Seq, h.Seq, h.Seq
	return v
}

// Add takes the next record, in the order of numbers.
func (v *Verifier) Add(s Stored) {
	switch {
	case s.Chain != v.chain:
		v.findings.add(problem(s, inserted.says("it is of the chain %q", Clean(s.Chain))))
		return
	case s.Seq <= v.stored:
		v.findings.add(problem(s, inserted.says("it is behind number %d", v.stored)))
		return
	case s.Seq > v.stored+1:
		v.skip(s.Seq)
	}
	v.stored = s.Seq
	if next := v.key.Next(v.link, s.Line); hmac.Equal(next.MAC, s.MAC) || v.fitsOther(s) {
		v.keep(s)
		v.checkIndex(s)
	} else if !v.explain(s) {
		v.suspect(s)
	}
	v.meet()
}

// fitsOther reports whether s follows the other MAC that the record before it may have had.
func (v *Verifier) fitsOther(s Stored) bool {
	return v.other != nil && v.fits(v.link.Seq, v.other, s.Line, s.MAC)
}

// fits reports whether a record has the MAC, behind the link with the number seq and the MAC prev.
func (v *Verifier) fits(seq int64, prev, line, mac []byte) bool {
	return hmac.Equal(v.key.Next(Link{v.chain, seq, prev}, line).MAC, mac)
}

// keep goes on behind a good record.
func (v *Verifier) keep(s Stored) {
	v.link.Seq++
	v.goOn(s.MAC, true)
	v.good, v.goodAt = s, v.link.Seq
	v.run = run{}
}

// goOn sets the MAC that the next record follows.
func (v *Verifier) goOn(mac []byte, sure bool) { v.link.MAC, v.sure, v.other = mac, sure, nil }

// skip goes on behind records that are not there.
func (v *Verifier) skip(to int64) {
	missing := to - v.stored - 1
	what := dropped.says("it is missing")
	if missing > 1 {
		what = dropped.says("%d records are missing, up to number %d", missing, to-1)
	}
	v.findings.add(Problem{v.chain, v.stored + 1, "", what})
	v.stored = to - 1
	v.run = run{}
	v.link.Seq += missing
	v.goOn(nil, false)
	v.meet()
}

// checkIndex compares what a good record is looked for by with what it says.
func (v *Verifier) checkIndex(s Stored) {
	r, err := indexOf(s.Line)
	if err != nil {
		v.findings.add(problem(s, badIndex.says("%v", err)))
		return
	}
	for _, column := range []struct{ name, has, want string }{
		{"id", s.ID, r.ID},
		{"action", s.Action, r.Action},
		{"actor", s.Actor, r.Actor},
		{"target", s.Target, r.Target},
	} {
		if column.has != column.want {
			v.findings.add(Problem{v.chain, s.Seq, r.ID, badIndex.says("it is looked for by the %s %q, and has %q", column.name, Clean(column.has), column.want)})
			return
		}
	}
	if !s.OccurredAt.Equal(r.OccurredAt) {
		v.findings.add(Problem{v.chain, s.Seq, r.ID, badIndex.says("it is looked for by the time %v, and has %v", s.OccurredAt.UTC(), r.OccurredAt)})
	}
}

// End returns what is not as it was written, by number: at most 1000 problems, Found says how
// many there are. Nothing is added after it.
func (v *Verifier) End() []Problem {
	if v.run.n > 0 && v.run.first.place() > v.signed {
		v.findings.insertedFrom(v.run.first.finding, "it is at the end, and no head signed it")
	}
	if n := len(v.ahead); n > 0 {
		v.findings.add(Problem{v.chain, v.stored + 1, "", shortened.says(
			"the records end with number %d, and a head signed number %d at %v", v.stored, v.ahead[n-1].Seq, v.ahead[n-1].At)})
	} else if v.goodAt > v.signed {
		v.findings.add(problem(v.good, badHead.says("none signed it, the newest is of number %d", v.signed)))
	}
	return v.findings.sorted()
}

// Found is how many problems there are.
func (v *Verifier) Found() int64 { return v.findings.found }

// Head takes a head of the chain, before the record behind the one that it signs: a head that
// comes later shows only that it is there, and cannot be compared. Heads of records to come
// are kept until then.
func (v *Verifier) Head(h Head) {
	err := v.key.CheckHead(h)
	if err == nil && h.Chain != v.chain {
		err = fmt.Errorf("it is of the chain %q", Clean(h.Chain))
	}
	if err != nil {
		v.findings.add(Problem{v.chain, h.Seq, "", badHead.says("%v", err)})
		return
	}
	i := len(v.ahead)
	for i > 0 && v.ahead[i-1].Seq > h.Seq {
		i--
	}
	v.ahead = append(v.ahead[:i], append([]Head{h}, v.ahead[i:]...)...)
	v.meet()
}

// meet compares the heads of the last record with it.
func (v *Verifier) meet() {
	n := 0
	for ; n < len(v.ahead) && v.ahead[n].Seq <= v.link.Seq; n++ {
		h := v.ahead[n]
		v.signed = max(v.signed, h.Seq)
		switch {
		case h.Seq < v.link.Seq: // of a purged record, one that is told as missing, or late
		case bytes.Equal(h.MAC, v.link.MAC):
			v.goOn(h.MAC, true)
		case v.run.n == 0 && v.sure:
			v.findings.add(problem(v.good, badHead.says("at %v it signed another record than is here now", h.At)))
		default: // the record is bad, the head is not
			v.goOn(h.MAC, true)
		}
	}
	v.ahead = v.ahead[n:]
}
