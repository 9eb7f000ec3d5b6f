package chaos

import (
	"math/rand/v2"
	"strings"
	"time"
)

// schedule draws faults without replacement, and from all of them again when none is left.
type schedule struct {
	all  []Fault
	dice *rand.Rand
	rest []Fault
}

func newSchedule(all []Fault, seed uint64) *schedule {
	return &schedule{all: all, dice: rand.New(rand.NewPCG(seed, 1<<32))}
}

func (s *schedule) next() Fault {
	if len(s.rest) == 0 {
		for _, i := range s.dice.Perm(len(s.all)) {
			s.rest = append(s.rest, s.all[i])
		}
	}
	f := s.rest[0]
	s.rest = s.rest[1:]
	return f
}

// first says what the first faults are, each of all once.
func first(all []Fault, seed uint64) string {
	s := newSchedule(all, seed)
	names := make([]string, len(all))
	for i := range names {
		names[i] = s.next().Name
	}
	return strings.Join(names, "; ")
}

// do does one fault after the other until the time is over, with a calm in front of each.
func (s *schedule) do(w *World, until time.Time, calm func()) {
	begun := time.Now()
	for calm(); time.Now().Before(until); calm() {
		f := s.next()
		w.T.Logf("%s: %s", time.Since(begun).Round(second/10), f.Name)
		f.do(w)
	}
}

// do does it and mends what is left.
func (f Fault) do(w *World) {
	w.Fault(f.Name, func() { f.Harm(w) })
	if f.Mend != nil {
		f.Mend(w)
	}
}
