package checkup

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// Report is all that was found out.
type Report struct {
	// OK says that nothing failed.
	OK       bool      `json:"ok"`
	Findings []Finding `json:"findings"` // never null
}

// NewReport puts findings together, what failed last, else in their order. What came from
// elsewhere into a text can do nothing to a terminal.
func NewReport(findings []Finding) Report {
	all := make([]Finding, 0, len(findings))
	for _, f := range findings {
		f.Text, f.Do = printable(f.Text), printable(f.Do)
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Grade.rank(), b.Grade.rank()) })
	return Report{OK: !slices.ContainsFunc(all, func(f Finding) bool { return f.Grade == Fail }), Findings: all}
}

func (g Grade) rank() int { return slices.Index([]Grade{Good, Note, Fail}, g) }

// printable is a text in one line, without what moves a cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '�'
	}, text)
}

// Print writes a table for people: a line for each finding, and below it what to do.
func (r Report) Print(out io.Writer) error {
	width := 0
	for _, f := range r.Findings {
		width = max(width, len(f.Name))
	}
	var b strings.Builder
	count := make(map[Grade]int)
	for _, f := range r.Findings {
		count[f.Grade]++
		fmt.Fprintf(&b, "%-4s  %-*s  %s\n", f.Grade.shown(), width, f.Name, f.Text)
		if f.Do != "" {
			fmt.Fprintf(&b, "%-4s  %-*s  -> %s\n", "", width, "", f.Do)
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d to note, %d failed\n", count[Good], count[Note], count[Fail])
	_, err := io.WriteString(out, b.String())
	return err
}

// shown is a grade as people see it from afar.
func (g Grade) shown() string {
	if g == Fail {
		return "FAIL"
	}
	return string(g)
}
