package trials_test

import (
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// nodeFaults are those of three relays.
func nodeFaults() map[string]fault {
	channels := []string{"private-all-1", "private-all-2", "private-none-1", "private-none-2"}
	return map[string]fault{
		"F1 one of three relays is killed": {also: comeBackSoon, Plan: faults.Plan{
			Relays: 3, Channels: channels, TLS: relaytest.Full(), Balanced: true,
			Load: faults.Load{Every: 40 * time.Millisecond},
			Nemesis: func(w *faults.World) {
				w.Wait(second, 2*second)
				w.T.Logf("ready again after %s", w.Crash(0, relaytest.Lasting(3*second, 2*second)))
				w.Wait(second, 2*second)
			},
		}},
		"F2 one of three relays after another is killed": {also: comeBackSoon, Plan: faults.Plan{
			Relays: 3, Channels: channels, TLS: relaytest.Full(), Balanced: true,
			Load: faults.Load{Every: relaytest.Lasting(500*time.Millisecond, 40*time.Millisecond)}, // no log is trimmed
			Nemesis: func(w *faults.World) {
				w.Wait(second, 2*second)
				for end := time.Now().Add(relaytest.Lasting(10*time.Minute, 5*second)); time.Now().Before(end); {
					w.T.Logf("ready again after %s", w.Crash(w.Pick(3), second))
					w.Wait(relaytest.Lasting(18*second, second), relaytest.Lasting(20*second, 2*second))
				}
				w.Wait(second, 2*second)
			},
		}},
	}
}

// comeBackSoon says that the clients of a relay that is killed have their subscriptions on
// another one soon, and that there is little that others notice.
func comeBackSoon(t *testing.T, r faults.Result) {
	t.Helper()
	logFaults(t, r)
	killed := faultRow(t, r, "a relay is killed")
	if len(killed.Back) == 0 {
		t.Error("nobody had to come back")
	}
	if half, most := killed.Back.Median(), killed.Back.Of(0.99); half > relaytest.Lasting(2500*time.Millisecond, 5*second) || most > 10*second {
		t.Errorf("half of the clients were back after %s, 99 %% after %s", half, most)
	}
	if late := nearlyAll(killed.During); late > soon() {
		t.Errorf("meanwhile something was shown after %s", late)
	}
}

func logFaults(t *testing.T, r faults.Result) {
	t.Helper()
	var text strings.Builder
	if err := checker.WriteFaults(&text, r.Report.Faults); err != nil {
		t.Error(err)
	}
	t.Log("\n" + text.String())
}

func faultRow(t *testing.T, r faults.Result, name string) checker.FaultRow {
	t.Helper()
	for _, row := range r.Report.Faults {
		if row.Fault == name {
			return row
		}
	}
	t.Fatalf("there was no fault %q", name)
	return checker.FaultRow{}
}

// publishedOrRefusedSoon says that no call to publish hangs.
func publishedOrRefusedSoon(t *testing.T, r faults.Result) {
	t.Helper()
	var slowest time.Duration
	for _, call := range r.History.Calls {
		if call.Line.Writer == "http" {
			slowest = max(slowest, call.Slowest)
		}
	}
	t.Logf("the slowest call to publish by HTTP took %s", slowest)
	if slowest > relaytest.Lasting(5*second/2, 4*second) { // the promise is 2 s; the rest is for a machine that is busy
		t.Errorf("to publish, or not, took %s", slowest)
	}
}
