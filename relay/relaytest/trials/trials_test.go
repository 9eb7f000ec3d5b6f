package trials_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// fault is a plan and what must come of it.
type fault struct {
	faults.Plan
	// tells says that gaps are to be told: the log lost entries, or was trimmed.
	tells bool
	// stale says that readers are to be told that they are stale.
	stale bool
	// maybe says that it is left to chance whether gaps and staleness are told.
	maybe bool
	// timeless says that Redis' clock is off, by which delays are measured.
	timeless bool
	// also is what else must be so.
	also func(t *testing.T, r faults.Result)
}

// soon is how soon a loss must be found, and whatever was late be there. The promise is
// 3 s; the rest is for a machine that runs all tests at once.
func soon() time.Duration { return relaytest.Lasting(5*time.Second, 10*time.Second) }

// nearlyAll is how late all were but the last of a hundred: who comes again reads a whole log, and
// that many take the test's own process longer than the relay.
func nearlyAll(late checker.Times) time.Duration { return late.Of(0.99) }

// Whatever happens to Redis, to a relay or to what is between them, no log is
// silently incomplete. The table that is printed says what was found; to repeat a
// schedule give its seed in RELAY_FAULT_SEED.
func TestFaults(t *testing.T) {
	t.Parallel()
	runFaults(t, allFaults())
}

// runFaults runs some faults and prints their table.
func runFaults(t *testing.T, all map[string]fault) {
	t.Helper()
	var mu sync.Mutex
	var rows []checker.Row
	t.Cleanup(func() {
		var text strings.Builder
		if err := checker.WriteTable(&text, rows); err != nil {
			t.Error(err)
		}
		t.Log("\n" + text.String())
	})
	for name, f := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Fault = name
			r := f.run(t)
			mu.Lock()
			defer mu.Unlock()
			rows = append(rows, checker.Row{Fault: name, Seed: r.Seed, Report: r.Report})
		})
	}
}

func allFaults() map[string]fault {
	all := make(map[string]fault)
	for _, some := range []map[string]fault{redisFaults(), linkFaults(), relayFaults(), nodeFaults(), memoryFaults(), clockFaults(), {"all of it, as the seed has it": anything()}} {
		for name, f := range some {
			all[name] = f
		}
	}
	return all
}

func (f fault) run(t *testing.T) faults.Result {
	t.Helper()
	r := faults.Run(t, f.Plan)
	if len(r.Report.Violations) > 0 {
		t.Errorf("with RELAY_FAULT_SEED=%d:\n%s", r.Seed, r.Report)
	}
	if r.Report.Written < 100 || r.Report.Delivered < 100 {
		t.Errorf("%d lines were written and %d shown: that says nothing", r.Report.Written, r.Report.Delivered)
	}
	if told := r.Report.Told > 0; told != f.tells && !f.maybe {
		t.Errorf("%d gaps were told", r.Report.Told)
	}
	if stale := len(told(r, checker.Stale)) > 0; stale != f.stale && !f.maybe {
		t.Errorf("stale is told: %v", stale)
	}
	if late := max(nearlyAll(r.Report.Delay), r.Report.Detection.Max()); late > soon() && !f.timeless {
		t.Errorf("something was seen after %s", late)
	}
	if late := r.Report.Delay.Max(); late > relaytest.Patience && !f.timeless {
		t.Errorf("something was seen after %s; the latest: %s", late, r.Report.Latest)
	}
	if late := r.Report.Granted.Max(); late > soon() {
		t.Errorf("a subscription was granted after %s", late)
	}
	if f.also != nil {
		f.also(t, r)
	}
	return r
}

// told are the times when readers saw notices of a kind.
func told(r faults.Result, kind checker.Kind) (times []time.Time) {
	for _, v := range r.History.Views {
		times = append(times, seen(v, kind)...)
	}
	return times
}

// seen are the times when one of them did.
func seen(v checker.View, kind checker.Kind) (times []time.Time) {
	for _, s := range v.Sights {
		if s.Kind == kind {
			times = append(times, s.Time)
		}
	}
	return times
}
