package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// cell is all rounds of one case with one subject.
type cell []sample

// microseconds is the median of the server's CPU time per delivery.
func (c cell) microseconds() float64 {
	return median(c, func(s sample) float64 { return float64(s.cpu.Nanoseconds()) / 1000 / float64(s.deliveries) })
}

// rate is the median of deliveries per second.
func (c cell) rate() float64 {
	return median(c, func(s sample) float64 { return float64(s.deliveries) / s.span.Seconds() })
}

// percentile is the median of the rounds' percentiles, in milliseconds.
func (c cell) percentile(p float64) float64 {
	return median(c, func(s sample) float64 { return milliseconds(percentile(s.took, p)) })
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// percentile sorts the durations.
func percentile(d []time.Duration, p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(p*float64(len(d))))]
}

// row is a line of the table: a case with one subject.
type row struct {
	title, subject string
	rounds         cell
}

// printTable writes the rows as Markdown.
func printTable(w io.Writer, rows []row) {
	fmt.Fprintln(w, "| case | server | CPU µs per delivery | deliveries/s | p50 ms | p99 ms | KiB per connection |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, r := range rows {
		work, took, memory := "– | –", "– | –", "–"
		if r.rounds[0].deliveries > 0 {
			work = fmt.Sprintf("%.2f | %.0f", r.rounds.microseconds(), r.rounds.rate())
		}
		if len(r.rounds[0].took) > 0 {
			took = fmt.Sprintf("%.1f | %.1f", r.rounds.percentile(0.5), r.rounds.percentile(0.99))
		}
		if r.rounds[0].kib > 0 {
			memory = fmt.Sprintf("%.1f", r.rounds[0].kib)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.title, r.subject, work, took, memory)
	}
}
