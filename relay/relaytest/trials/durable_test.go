package trials_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// What a durable log has acknowledged outlives its master.
func TestFaultsOfDurableLogs(t *testing.T) {
	t.Parallel()
	runFaults(t, map[string]fault{
		"F13 the master is killed, and the log is durable": masterKilled(relaytest.Lasting(5*second, second)),
	})
}

// masterKilled has backends that publish over HTTP alone, by rules that make them wait for
// the replica.
func masterKilled(downAfter time.Duration) fault {
	start, group := startGroup(relaytest.SentinelDownAfter(downAfter))
	channels := []string{"private-all-1", "private-none-1"}
	var writers []faults.Writer
	for _, channel := range channels {
		writers = append(writers, faults.Writer{By: "http", Channel: channel, Load: faults.Load{Every: 10 * time.Millisecond}})
	}
	return fault{maybe: true, also: nothingLost, Plan: faults.Plan{
		Group:    start,
		Rewinds:  true, // what is not acknowledged may have been shown
		Channels: channels,
		Writers:  writers,
		Env:      map[string]string{"RELAY_LOG_RULES": "private-all-* replay=all replicas=1; private-none-* replay=none replicas=1"},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("the master is killed", func() { (*group).ReplaceMaster() })
			w.Wait(2*second, 3*second)
			// A durable log needs a replica.
			w.Fault("there is no replica", (*group).Restore)
			w.Wait(2*second, 3*second)
		},
	}}
}

// nothingLost says that the log has all that was acknowledged, and how soon there was
// something after the fault.
func nothingLost(t *testing.T, r faults.Result) {
	t.Helper()
	if n := len(missing(r)); n > 0 {
		t.Errorf("%d lines that were acknowledged are not in the log", n)
	}
	killed := r.History.Faults[0]
	promoted, back := killed.Over.Sub(killed.Begun), acknowledgedAfter(r, killed.Begun)
	t.Logf("the replica was the master after %s, and lines were acknowledged again after %s",
		promoted.Round(time.Millisecond), back.Round(time.Millisecond))
	if back == 0 || back > 15*second {
		t.Errorf("lines were acknowledged again after %s", back)
	}
}

// acknowledgedAfter is how long after a time the first line was acknowledged that was
// tried then.
func acknowledgedAfter(r faults.Result, begun time.Time) time.Duration {
	first := time.Duration(0)
	for _, call := range r.History.Calls {
		took := call.Ended.Sub(begun)
		if call.Outcome == checker.OK && call.Invoked.After(begun) && (first == 0 || took < first) {
			first = took
		}
	}
	return first
}
