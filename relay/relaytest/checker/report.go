package checker

import (
	"fmt"
	"strings"
	"time"
)

// Wrong says in which way something is wrong.
type Wrong string

// What can be wrong.
const (
	Lost      Wrong = "lost"      // acknowledged, and not in the log; or never shown to a reader
	Doubled   Wrong = "doubled"   // twice in the log, or twice shown
	Silent    Wrong = "silent"    // left out for a reader that was not told
	Swapped   Wrong = "swapped"   // not in the order of the log, or of its writer
	Invented  Wrong = "invented"  // never written
	Disagreed Wrong = "disagreed" // two say different things of one position
	Mistold   Wrong = "mistold"   // a notice that says what is not so
)

// Violation is one thing that is wrong.
type Violation struct {
	Wrong Wrong
	Where string // the channel, and the reader if it is one's
	What  string
	When  time.Time // by which it is told whose fault it may be
	Count int       // of entries, at least 1
	Trace []string
}

func (v Violation) String() string {
	text := fmt.Sprintf("%s: %s: %s", v.Wrong, v.Where, v.What)
	if len(v.Trace) > 0 {
		text += "\n    " + strings.Join(v.Trace, "\n    ")
	}
	return text
}

// Report is the verdict on a run.
type Report struct {
	Written   int // lines that were acknowledged
	Delivered int // entries that were shown, over all readers
	Told      int // gaps that were told, over all readers
	// Granted is how long after it was asked for a subscription was granted, and Delay how
	// long after its append an entry was shown; of those that were appended before the
	// subscription was granted the first, from then on. The time of faults is left out.
	Granted, Delay Times
	// Latest is where the longest delay was.
	Latest string
	// Detection is how long after the end of a fault a reader saw the next entry or
	// gap.
	Detection Times
	// Faults are the same by fault, see [FaultRow].
	Faults []FaultRow
	// Slowest is the longest that one try to append took.
	Slowest    time.Duration
	Violations []Violation
}

// Count is how many entries are wrong in one of the ways given, or in any.
func (r *Report) Count(ways ...Wrong) int {
	n := 0
	for _, v := range r.Violations {
		match := len(ways) == 0
		for _, w := range ways {
			match = match || v.Wrong == w
		}
		if match {
			n += v.Count
		}
	}
	return n
}

// shown is how many violations of one kind a text shows.
const shown = 3

// String lists violations, the first of each kind.
func (r *Report) String() string {
	var text strings.Builder
	seen := make(map[Wrong]int)
	for _, v := range r.Violations {
		if seen[v.Wrong]++; seen[v.Wrong] <= shown {
			fmt.Fprintln(&text, v)
		}
	}
	for wrong, n := range seen {
		if n > shown {
			fmt.Fprintf(&text, "%s: %d more\n", wrong, n-shown)
		}
	}
	return text.String()
}
