package trials_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// relayFaults are those of the relay, and what is none.
func relayFaults() map[string]fault {
	return map[string]fault{
		"the relay is restarted": {Plan: faults.Plan{Nemesis: func(w *faults.World) {
			for range 2 {
				w.Wait(second, 2*second)
				w.Fault("restart", w.Relays[0].Restart)
			}
			w.Wait(2*second, 3*second)
		}}},
		"the relay is killed": {Plan: faults.Plan{Nemesis: func(w *faults.World) {
			for range 2 {
				w.Wait(second, 2*second)
				w.Fault("kill", func() {
					w.Relays[0].Kill()
					w.Relays[0].Restart()
				})
			}
			w.Wait(2*second, 3*second)
		}}},
		"one of two relays is killed": {Plan: faults.Plan{Relays: 2, Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Relays[0].Kill()
			w.Wait(2*second, 3*second)
			w.Relays[0].Restart()
			w.Wait(second, 2*second)
			killSubscriptions(w)
			w.Wait(second, 2*second)
		}}},
		"logs are closed and begun anew": {tells: true, Plan: faults.Plan{Begins: true, Nemesis: func(w *faults.World) {
			for range 4 {
				w.Wait(second/2, 3*second/2)
				w.Close("private-all-1")
				w.Close("private-none-1")
			}
			w.Wait(second, second)
		}}},
		"F19 some readers are slow, and some stop reading": slowReaders(),
		"slow readers of a log that is trimmed": {tells: true, also: slowWereTold, Plan: faults.Plan{
			Channels: []string{"private-small-1"},
			Load:     faults.Load{Every: 10 * time.Millisecond, Filler: 3 << 10},
			Nemesis:  func(w *faults.World) { w.AwaitEntries("private-small-1", 500) },
		}},
	}
}

// slowWereTold says that trimming did overtake the slow readers.
func slowWereTold(t *testing.T, r faults.Result) {
	t.Helper()
	for _, v := range r.History.Views {
		if v.Slow && len(seen(v, checker.GapTold)) == 0 {
			t.Errorf("%s was told no gap: it was not slow", v.Reader)
		}
	}
}
