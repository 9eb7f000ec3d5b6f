package checker

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Row is one run in a table.
type Row struct {
	Fault  string
	Seed   uint64
	Report *Report
}

// WriteTable writes the runs as a table, with a line for each.
func WriteTable(w io.Writer, rows []Row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fault\tseed\twritten\tshown\tlost\tdoubled\tsilent\tother\ttold\t"+
		"granted p50\tmax\tdelay p50\tmax\tdetected p50\tmax\tslowest append")
	for _, r := range rows {
		n := r.Report
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			r.Fault, r.Seed, n.Written, n.Delivered, n.Count(Lost), n.Count(Doubled), n.Count(Silent),
			n.Count(Swapped, Invented, Disagreed, Mistold), n.Told, n.Granted.middle(), n.Granted.longest(), n.Delay.middle(), n.Delay.longest(),
			n.Detection.middle(), n.Detection.longest(), short(n.Slowest))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

func (t Times) middle() string {
	if len(t) == 0 {
		return "-"
	}
	return short(t.Median())
}

func (t Times) longest() string {
	if len(t) == 0 {
		return "-"
	}
	return short(t.Max())
}

func short(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
