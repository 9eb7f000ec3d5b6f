package checker

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// faultColumns are those of a table of faults.
func faultColumns() []string {
	return strings.Split("fault|windows|lost|doubled|silent|other|told|detected p50|max|delay during p50|p99|after p50|p99|cut off|back p50|p99|max", "|")
}

func (r *FaultRow) cells() []string {
	n := strconv.Itoa
	return []string{
		r.Fault, n(r.Windows), n(r.count(Lost)), n(r.count(Doubled)), n(r.count(Silent)),
		n(r.count(Swapped, Invented, Disagreed, Mistold)), n(r.Told),
		r.Detection.middle(), r.Detection.longest(), r.During.middle(), r.During.nearly(), r.After.middle(), r.After.nearly(),
		n(len(r.Back)), r.Back.middle(), r.Back.nearly(), r.Back.longest(),
	}
}

// nearly is the time that one of a hundred is longer than.
func (t Times) nearly() string {
	if len(t) == 0 {
		return "-"
	}
	return short(t.Of(0.99))
}

// WriteFaults writes a table with a line for each fault.
func WriteFaults(w io.Writer, rows []FaultRow) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(faultColumns(), "\t"))
	for _, r := range rows {
		fmt.Fprintln(table, strings.Join(r.cells(), "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the table of faults: %w", err)
	}
	return nil
}

// WriteFaultsMarkdown is WriteFaults in Markdown.
func WriteFaultsMarkdown(w io.Writer, rows []FaultRow) error {
	columns := faultColumns()
	lines := [][]string{columns, strings.Split("---"+strings.Repeat("|---:", len(columns)-1), "|")}
	for _, r := range rows {
		lines = append(lines, r.cells())
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(line, " | ")); err != nil {
			return fmt.Errorf("writing the table of faults: %w", err)
		}
	}
	return nil
}

// compareNames compares names of faults: F9 comes before F10, and what has no such number
// behind all.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(faultNumber(a), faultNumber(b)), strings.Compare(a, b))
}

func faultNumber(name string) int {
	first, _, _ := strings.Cut(name, " ")
	text, _ := strings.CutPrefix(first, "F")
	switch n, err := strconv.Atoi(text); {
	case name == before:
		return 0
	case err != nil:
		return math.MaxInt
	default:
		return n
	}
}
