package store_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/relaytest"
)

// BenchmarkAppend says how many records a second are on the disk, for each size of a commit.
func BenchmarkAppend(b *testing.B) {
	server := relaytest.StartPostgres(b, relaytest.PostgresSyncs())
	for name, open := range map[string]func() *world{
		"sqlite":   func() *world { return onSQLite(b) },
		"postgres": func() *world { return onPostgres(b, server) },
	} {
		for _, n := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				w := open()
				w.append("node", entry("node", -1))
				some := entries("node", 0, n)
				for i := 0; b.Loop(); i++ {
					for j := range some {
						some[j].ID = audit.NewID()
					}
					if _, err := w.Append(b.Context(), "node", some); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// BenchmarkExport reads all of a trail, by pages as an export does: RELAY_BENCH_RECORDS
// records, 20000 by default. It says how long the first page took, and how much memory was
// in use at most.
func BenchmarkExport(b *testing.B) {
	records, err := strconv.Atoi(os.Getenv("RELAY_BENCH_RECORDS"))
	if err != nil {
		records = 20_000
	}
	server := relaytest.StartPostgres(b)
	for name, open := range map[string]func() *world{
		"sqlite":   func() *world { return onSQLite(b) },
		"postgres": func() *world { return onPostgres(b, server) },
	} {
		b.Run(name, func(b *testing.B) {
			w := open()
			for i := 0; i < records; i += 10_000 {
				w.append("node", entries("node", i, min(10_000, records-i))...)
			}
			b.ResetTimer()
			for range b.N {
				first, most, read := export(b, w.DB, audit.Filter{})
				if read != records {
					b.Fatalf("%d records, want %d", read, records)
				}
				b.ReportMetric(float64(first.Microseconds())/1000, "ms-to-first-page")
				b.ReportMetric(float64(most)/(1<<20), "MB-at-most")
			}
			b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.StopTimer()
			begun := time.Now()
			if found := problems(b, w.DB); len(found) > 0 {
				b.Errorf("found %v", found)
			}
			b.ReportMetric(float64(records)/time.Since(begun).Seconds(), "verified/s")
		})
	}
}

func export(b *testing.B, db *store.DB, f audit.Filter) (first time.Duration, most uint64, records int) {
	const n = 1000
	begun := time.Now()
	runtime.GC()
	for after := (store.Place{}); ; {
		page, err := db.Page(b.Context(), f, after, n)
		if err != nil {
			b.Fatal(err)
		}
		if records == 0 {
			first = time.Since(begun)
		}
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		most = max(most, memory.HeapAlloc)
		if records += len(page); len(page) < n {
			return first, most, records
		}
		after = store.PlaceOf(page[n-1])
	}
}
