package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Problem is something that is not as it was written.
type Problem struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	ID    string `json:"id"`   // of the record; empty where there is none
	What  string `json:"what"` // edited, dropped, inserted, swapped, unproven, index, head or shortened, a colon, and words
}

// what is what happened, in one word.
type what string

const (
	edited    what = "edited"
	dropped   what = "dropped"
	inserted  what = "inserted"
	swapped   what = "swapped"
	unproven  what = "unproven"  // nothing shows whether it was changed
	badIndex  what = "index"     // what it is looked for by is not what it says
	badHead   what = "head"      // no head fits it, or the head is none
	shortened what = "shortened" // the end is missing
)

// says is the word, and words behind it.
func (w what) says(format string, args ...any) string {
	return string(w) + ": " + fmt.Sprintf(format, args...)
}

func problem(s Stored, what string) Problem { return Problem{s.Chain, s.Seq, Clean(s.ID), what} }

// mostProblems is how many problems are kept.
const mostProblems = 1000

// findings are the problems found so far. What was taken back has no words.
type findings struct {
	problems []Problem
	found    int64
}

func (f *findings) full() bool { return len(f.problems) >= mostProblems }

// add keeps a problem, and returns what change and clear want; it is negative for one that is
// only counted.
func (f *findings) add(p Problem) int {
	f.found++
	if f.full() {
		return -1
	}
	f.problems = append(f.problems, p)
	return len(f.problems) - 1
}

// change puts p in the place of a problem.
func (f *findings) change(i int, p Problem) {
	if i >= 0 {
		f.problems[i] = p
	}
}

// clear takes a problem back.
func (f *findings) clear(i int) {
	if i >= 0 {
		f.problems[i].What = ""
		f.found--
	}
}

// insertedFrom makes insertions of the bad records from problem i on.
func (f *findings) insertedFrom(i int, words string) {
	if i < 0 {
		return
	}
	tail := f.problems[i:]
	for i, p := range tail {
		if strings.HasPrefix(p.What, string(edited)) || strings.HasPrefix(p.What, string(unproven)) {
			tail[i].What = inserted.says("%s", words)
		}
	}
}

// sorted returns the problems by number.
func (f *findings) sorted() []Problem {
	problems := slices.DeleteFunc(slices.Clone(f.problems), func(p Problem) bool { return p.What == "" })
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Seq, b.Seq) })
	return problems
}

// index is what a record is looked for by, of its line.
type index struct {
	ID, Action, Actor, Target string
	OccurredAt                time.Time
}

// indexOf reads it quickly: the line was found to be the one that was written.
func indexOf(line []byte) (index, error) {
	var r struct {
		Action     string    `json:"action"`
		Actor      Entity    `json:"actor"`
		Target     Entity    `json:"target"`
		OccurredAt time.Time `json:"occurred_at"`
		ID         string    `json:"id"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return index{}, fmt.Errorf("reading the record: %w", err)
	}
	return index{r.ID, r.Action, Clean(r.Actor.ID), Clean(r.Target.ID), r.OccurredAt}, nil
}
