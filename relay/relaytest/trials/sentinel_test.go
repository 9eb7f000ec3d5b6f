package trials_test

import (
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// Whoever becomes the master, what was acknowledged by a replica is in the log, and
// whatever else the old master took along is told.
func TestFaultsOfMasters(t *testing.T) {
	t.Parallel()
	runFaults(t, map[string]fault{
		"F14 the replica is cut off, and the master killed": rolledBack(),
	})
}

// startGroup returns what starts a master with Sentinels, and where it then is.
func startGroup(options ...relaytest.SentinelOption) (start func(t testing.TB) faults.RedisGroup, group **relaytest.RedisSentinel) {
	group = new(*relaytest.RedisSentinel)
	return func(t testing.TB) faults.RedisGroup {
		*group = relaytest.StartRedisSentinel(t, options...)
		return *group
	}, group
}

// missing are the lines that were acknowledged and are not in the log.
func missing(r faults.Result) (lost []checker.Call) {
	logged := make(map[string]bool)
	for _, l := range r.History.Logs {
		for _, e := range l.Entries {
			logged[e.Data] = true
		}
	}
	for _, call := range r.History.Calls {
		if call.Outcome == checker.OK && !logged[call.Line.String()] {
			lost = append(lost, call)
		}
	}
	return lost
}

// rolledBack makes a replica the master that lacks what the old one has acknowledged.
func rolledBack() fault {
	start, group := startGroup()
	return fault{tells: true, also: rollbackTold, Plan: faults.Plan{
		Group:   start,
		Rewinds: true,
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("rollback", func() {
				(*group).CutReplica()
				w.Wait(2*second, 2*second)
				(*group).ReplaceMaster()
			})
			w.Wait(2*second, 3*second)
			(*group).Restore()
			w.Wait(second, 2*second)
		},
	}}
}

// rollbackTold says that who reads all the time was told once, and that lines were lost.
func rollbackTold(t *testing.T, r faults.Result) {
	t.Helper()
	eachOnce(t, r)
	n := len(missing(r))
	t.Logf("%d lines that were acknowledged are not in the log", n)
	if n == 0 {
		t.Error("the replica had all: it was not cut off")
	}
}
