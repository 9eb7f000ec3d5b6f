package main

import (
	"fmt"
	"io"
	"slices"
)

// printPairs writes rows of which each second one is the log of the live one before.
func printPairs(w io.Writer, rows []row) {
	fmt.Fprintln(w, "\n| live / log | server | CPU µs per delivery | ratio | deliveries/s | p50 ms | p99 ms |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for pair := range slices.Chunk(rows, 2) {
		live, log := pair[0].rounds, pair[1].rounds
		fmt.Fprintf(w, "| %s | %s | %.2f / %.2f | %.2f | %.0f / %.0f | %.1f / %.1f | %.1f / %.1f |\n",
			pair[0].title, pair[0].subject, live.microseconds(), log.microseconds(), log.microseconds()/live.microseconds(),
			live.rate(), log.rate(), live.percentile(0.5), log.percentile(0.5), live.percentile(0.99), log.percentile(0.99))
	}
}
