package chaos_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest/chaos"
	"buildrelay/relay/relaytest/checker"
)

// number is a setting that is a number, or what it is without the setting.
func number(t *testing.T, name string, without int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return without
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: it must be a number, at least 1", name, text)
	}
	return n
}

// seeds are RELAY_CHAOS_SEEDS, or any one.
func seeds(t *testing.T) (all []uint64) {
	t.Helper()
	text := os.Getenv("RELAY_CHAOS_SEEDS")
	if text == "" {
		return []uint64{1 + rand.Uint64N(1e9)}
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil || n == 0 {
			t.Fatalf("RELAY_CHAOS_SEEDS=%s: they must be numbers that runs printed, with commas between them", text)
		}
		all = append(all, n)
	}
	return all
}

// size is that of a whole run, or a small one.
func size(t *testing.T, whole bool) chaos.Size {
	t.Helper()
	clients, channels, entries := 40, 8, 40
	if whole {
		clients, channels, entries = 300, 40, 100
	}
	return chaos.Size{
		Nodes: 3, Clients: number(t, "RELAY_CHAOS_CLIENTS", clients),
		Channels: number(t, "RELAY_CHAOS_CHANNELS", channels), Entries: number(t, "RELAY_CHAOS_ENTRIES", entries),
	}
}

// quick are the faults for a short run.
func quick(a chaos.Act) chaos.Act {
	return some(a, func(f chaos.Fault) bool { return f.Quick })
}

// named are those whose names begin with one of RELAY_CHAOS_FAULTS, which has commas between
// them; without it all.
func named(a chaos.Act) chaos.Act {
	return some(a, func(f chaos.Fault) bool {
		first, _, _ := strings.Cut(f.Name, " ")
		names := os.Getenv("RELAY_CHAOS_FAULTS")
		return names == "" || slices.Contains(strings.Split(names, ","), first)
	})
}

func some(a chaos.Act, wanted func(chaos.Fault) bool) chaos.Act {
	a.Faults = slices.DeleteFunc(slices.Clone(a.Faults), func(f chaos.Fault) bool { return !wanted(f) })
	return a
}

// Whatever happens to whatever part, no client of a log is silently shown less than there
// is, or anything twice. To repeat a run give its seed in RELAY_CHAOS_SEEDS.
func TestChaos(t *testing.T) {
	t.Parallel()
	minutes := number(t, "RELAY_CHAOS", 1)
	whole := os.Getenv("RELAY_CHAOS") != ""
	acts := chaos.Acts()
	if !whole {
		acts = acts[:1]
	}
	for _, act := range acts {
		run := chaos.Run{Act: named(act), Size: size(t, whole), Last: time.Duration(minutes) * time.Minute, Calm: 4 * time.Second}
		within := soon
		if !whole {
			run.Act, run.Last, run.Calm, within = quick(run.Act), 9*time.Second, time.Second, later
		}
		t.Run(act.Name, func(t *testing.T) {
			if !whole {
				t.Parallel()
			}
			if len(run.Act.Faults) == 0 {
				t.Skip("it has no such faults")
			}
			var rows [][]checker.FaultRow
			t.Cleanup(func() { printTable(t, act.Name, rows) })
			for _, seed := range seeds(t) {
				run.Seed = seed
				t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
					rows = append(rows, do(t, run, within))
				})
			}
		})
	}
}

// The promise is 3 s; the rest is for a machine that has other things to do, and more of it
// for one that runs all tests at once.
const (
	soon  = 5 * time.Second
	later = 15 * time.Second
)

// do does a run and judges it.
func do(t *testing.T, run chaos.Run, within time.Duration) []checker.FaultRow {
	t.Helper()
	o := run.Do(t)
	for _, wrong := range o.Wrong(run.Act, within) {
		t.Errorf("with RELAY_CHAOS_SEEDS=%d %s", run.Seed, wrong)
	}
	if t.Failed() {
		for i, lines := range o.Logs {
			t.Logf("node %d logged:\n%s", i, strings.Join(lines, "\n"))
		}
	}
	if o.Report.Written < 100 || o.Report.Delivered < 1000 {
		t.Errorf("%d lines were written and %d shown: that says nothing", o.Report.Written, o.Report.Delivered)
	}
	for _, row := range o.Report.Faults {
		if row.Slowest != "" {
			t.Logf("%s: the last to be back was %s", row.Fault, row.Slowest)
		}
	}
	t.Logf("the latest line: %s", o.Report.Latest)
	t.Logf("seed %d: %d entries were written, %d shown, %d gaps told; the test's own process was late by %s in the middle, %s at most of 99 %%, %s at most",
		run.Seed, o.Report.Written, o.Report.Delivered, o.Report.Told, o.Lag.Median(), o.Lag.Of(0.99), o.Lag.Max())
	return o.Report.Faults
}

// printTable prints what all seeds showed of each fault.
func printTable(t *testing.T, act string, runs [][]checker.FaultRow) {
	t.Helper()
	rows := checker.MergeFaults(runs...)
	var text strings.Builder
	if err := checker.WriteFaults(&text, rows); err != nil {
		t.Error(err)
	}
	text.WriteString("\n")
	if err := checker.WriteFaultsMarkdown(&text, rows); err != nil {
		t.Error(err)
	}
	t.Logf("%s:\n%s", act, text.String())
}
