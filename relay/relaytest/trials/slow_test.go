package trials_test

import (
	"slices"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// slowReaders is a tenth of the readers that take 1 KiB a second, and some that take nothing
// for ever, of a log that is kept and of one that is trimmed behind them.
func slowReaders() fault {
	const stuck = 5
	var grown float64
	var closed []time.Duration
	return fault{tells: true, Plan: faults.Plan{
		Channels: []string{"private-all-1", "private-small-1"},
		Crawlers: 2,
		// Who comes again reads the whole log, which is no longer where the trial is.
		Load: faults.Load{Every: relaytest.Lasting(60*time.Millisecond, 20*time.Millisecond), Filler: 2 << 10},
		Env:  map[string]string{"RELAY_WRITE_TIMEOUT": "3s"},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			memory := w.Relays[0].Metric("process_resident_memory_bytes")
			who := []*faults.Stuck{w.StickReaders(stuck, "private-all-1"), w.StickReaders(stuck, "private-small-1")}
			w.Wait(relaytest.Lasting(60*second, 4*second), relaytest.Lasting(60*second, 4*second))
			relaytest.Eventually(w.T, "those that read nothing are closed", func() bool {
				closed = slices.Concat(who[0].Closed(), who[1].Closed())
				return len(closed) == 2*stuck
			})
			grown = w.Relays[0].Metric("process_resident_memory_bytes") - memory
		},
	}, also: func(t *testing.T, r faults.Result) {
		t.Logf("the latest: %s", r.Report.Latest)
		t.Logf("who reads nothing was closed after %v; the relay grew by %.0f MiB; others were shown p50 %s, p99 %s",
			slices.Sorted(slices.Values(closed)), grown/(1<<20), r.Report.Delay.Median(), r.Report.Delay.Of(0.99))
		if grown > 256<<20 {
			t.Errorf("the relay grew by %.0f MiB", grown/(1<<20))
		}
	}}
}
