package checker

import (
	"slices"
	"sort"
	"time"
)

// FaultRow is what a history shows of one fault. A fault's window is the time from when it
// begins until the next one does; a fault that came several times has all of them.
type FaultRow struct {
	Fault   string
	Windows int
	Wrong   map[Wrong]int // what is wrong, in entries
	Told    int           // gaps
	// Detection is as in a [Report].
	Detection Times
	// During is how long after its append an entry was shown if it was on its way while the
	// fault was there, After the same of what was appended later in the window. Of those
	// from before the reader was granted its subscription it is the first, from then on.
	During, After Times
	// Back is how long readers that were cut off in the window were without a subscription,
	// Slowest who was so for the longest time.
	Back    Times
	Slowest string
	longest time.Duration
}

// count is how many entries are wrong in one of the ways.
func (r *FaultRow) count(ways ...Wrong) (n int) {
	for _, w := range ways {
		n += r.Wrong[w]
	}
	return n
}

// before is the row of what was before the first fault.
const before = "none yet"

// windows tell a history apart by its faults.
type windows struct {
	faults []Fault
	rows   []*FaultRow // each fault's, and one for the time before in front of them
}

func newWindows(faults []Fault) *windows {
	w := &windows{faults: faults, rows: []*FaultRow{newRow(before, 1)}}
	byName := make(map[string]*FaultRow)
	for _, f := range faults {
		row := byName[f.Name]
		if row == nil {
			row = newRow(f.Name, 0)
			byName[f.Name] = row
		}
		row.Windows++
		w.rows = append(w.rows, row)
	}
	return w
}

func newRow(fault string, windows int) *FaultRow {
	return &FaultRow{Fault: fault, Windows: windows, Wrong: make(map[Wrong]int)}
}

// index is how many faults had begun.
func (w *windows) index(when time.Time) int {
	return sort.Search(len(w.faults), func(i int) bool { return w.faults[i].Begun.After(when) })
}

// at is the row of a time.
func (w *windows) at(when time.Time) *FaultRow { return w.rows[w.index(when)] }

// delivered takes that something was on its way from a time to another.
func (w *windows) delivered(from, to time.Time) {
	took := max(0, to.Sub(from)) // Redis knows milliseconds alone
	first := max(1, w.index(from))
	for i := first; i <= w.index(to); i++ {
		if f := w.faults[i-1]; from.Before(f.Over) && to.After(f.Begun) {
			w.rows[i].During = append(w.rows[i].During, took)
			return
		}
	}
	row := w.at(from)
	row.After = append(row.After, took)
}

// sorted are the rows, in the order in which the faults first came, with sorted times.
func (w *windows) sorted() (rows []FaultRow) {
	seen := make(map[*FaultRow]bool)
	for _, row := range w.rows {
		if !seen[row] {
			seen[row] = true
			row.sort()
			rows = append(rows, *row)
		}
	}
	return rows
}

func (r *FaultRow) sort() {
	for _, times := range []Times{r.Detection, r.During, r.After, r.Back} {
		slices.Sort(times)
	}
}

// MergeFaults makes one row of those of the same fault, from several runs.
func MergeFaults(runs ...[]FaultRow) (rows []FaultRow) {
	at := make(map[string]int)
	for _, run := range runs {
		for _, r := range run {
			i, found := at[r.Fault]
			if !found {
				i = len(rows)
				at[r.Fault] = i
				rows = append(rows, *newRow(r.Fault, 0))
			}
			rows[i].add(r)
		}
	}
	for i := range rows {
		rows[i].sort()
	}
	slices.SortStableFunc(rows, func(a, b FaultRow) int { return compareNames(a.Fault, b.Fault) })
	return rows
}

func (r *FaultRow) add(other FaultRow) {
	r.Windows += other.Windows
	r.Told += other.Told
	for wrong, n := range other.Wrong {
		r.Wrong[wrong] += n
	}
	r.Detection = append(r.Detection, other.Detection...)
	r.During = append(r.During, other.During...)
	r.After = append(r.After, other.After...)
	r.Back = append(r.Back, other.Back...)
	if other.longest > r.longest {
		r.longest, r.Slowest = other.longest, other.Slowest
	}
}
