package trials_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// commandsSwallowed leaves the relay its subscriptions and nothing else: what backends
// append by themselves is still to be heard.
func commandsSwallowed() fault {
	var link *faults.HoleLink
	return fault{also: heardMeanwhile, stale: relaytest.Full(), Plan: faults.Plan{
		RelaysVia: func(t testing.TB, address string) string {
			link = faults.StartCommandLink(t, address)
			return link.Address()
		},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("commands are swallowed", func() {
				link.Swallow()
				w.Wait(relaytest.Lasting(60*second, 6*second), relaytest.Lasting(60*second, 6*second))
				link.Repair()
			})
			w.Wait(second, 2*second)
		},
	}}
}

// heardMeanwhile says that nobody waited for the end of the fault: neither who was
// subscribed, nor who came.
func heardMeanwhile(t *testing.T, r faults.Result) {
	t.Helper()
	f := r.History.Faults[0]
	granted := 0
	var slowest time.Duration
	for _, v := range r.History.Views {
		if v.Reader == "stock" || v.Reader == "resuming" {
			if pause := longestPause(v, f); pause > relaytest.Lasting(2*second, 4*second) {
				t.Errorf("%s of %s was shown nothing for %s", v.Reader, v.Channel, pause)
			}
		}
		for _, s := range v.Sights {
			if s.Kind == checker.Subscribed && s.Asked.After(f.Begun) && s.Time.Before(f.Over) {
				granted++
				slowest = max(slowest, s.Time.Sub(s.Asked))
			}
		}
	}
	publishedOrRefusedSoon(t, r)
	t.Logf("%d subscriptions were granted meanwhile, the slowest after %s", granted, slowest)
}

// longestPause is the longest time for which a reader was shown no entry during a fault.
func longestPause(v checker.View, f checker.Fault) (longest time.Duration) {
	last := f.Begun
	for _, s := range v.Sights {
		if s.Kind == checker.Entry && s.Time.After(f.Begun) && s.Time.Before(f.Over) {
			longest, last = max(longest, s.Time.Sub(last)), s.Time
		}
	}
	return max(longest, f.Over.Sub(last))
}
