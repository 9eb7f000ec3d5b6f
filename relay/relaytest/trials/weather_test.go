package trials_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// weather is a link to Redis that is bad in one way after another. How late things are
// shown meanwhile is for whoever reads the table: it depends on how busy the machine is.
func weather() fault {
	var link *faults.ToxicLink
	return fault{also: keptUp, Plan: faults.Plan{
		// All of it fits through 64 kB/s, with what those read who come back.
		Load: faults.Load{Every: relaytest.Lasting(400*time.Millisecond, 100*time.Millisecond), Filler: 100, Timeout: 2 * second},
		RelaysVia: func(t testing.TB, address string) string {
			link = faults.StartToxicLink(t, address)
			return link.Address()
		},
		Nemesis: func(w *faults.World) {
			for _, weather := range faults.Weathers() {
				w.Wait(second/2, second)
				w.Fault(weather.Name, func() { link.Endure(w, weather, relaytest.Lasting(20*second, 2*second)) })
			}
			w.Wait(second, 2*second)
		},
	}}
}

// keptUp says that in no weather anything was shown too late, and that publishing went on.
func keptUp(t *testing.T, r faults.Result) {
	t.Helper()
	logFaults(t, r)
	for _, row := range r.Report.Faults {
		if late := nearlyAll(row.During); late > soon() {
			t.Errorf("%s: something was shown after %s", row.Fault, late)
		}
	}
	publishedOrRefusedSoon(t, r)
	for _, call := range r.History.Calls {
		if call.Tries > 3 {
			t.Errorf("%s took %d tries", call.Line.Writer, call.Tries)
		}
	}
}
