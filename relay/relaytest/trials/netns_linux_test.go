package trials_test

import (
	"strconv"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// Toxiproxy answers for the server behind it; a network that loses everything does not.
func TestFaultsOfNetworks(t *testing.T) {
	t.Parallel()
	all := map[string]fault{
		"F15 the master and a relay are cut off": splitBrain(relaytest.Lasting(30*second, 8*second)),
	}
	if relaytest.Full() { // in make test proxies swallow all that a relay is sent
		all["F7 all packets between the relay and Redis are lost"] = packetsLost(60 * second)
	}
	runFaults(t, all)
}

// packetsLost cuts the relay off a Redis that backends go on to reach.
func packetsLost(d time.Duration) fault {
	var relays *relaytest.Link
	return fault{stale: d > 10*second, Plan: faults.Plan{
		Group: func(t testing.TB) faults.RedisGroup {
			n, backends := relaytest.NewNamespace(t)
			relays = n.Connect()
			return relaytest.DistantRedis{Redis: relaytest.StartRedis(t, relaytest.RedisIn(backends, relays)), Relays: relays}
		},
		Load: faults.Load{Every: 150 * time.Millisecond}, // what is written meanwhile comes all at once
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("lost packets", func() {
				relays.Cut()
				w.Wait(d, d)
				relays.Mend()
			})
			w.Wait(2*second, 3*second)
		},
	}}
}

// maxLag is for how long after its replica is gone a master takes what is written.
const maxLag = 2 * second

// splitBrain has the master, with a relay and its clients, where the other servers, another
// relay and the backends that append in Redis cannot reach it. Both relays are published
// to over HTTP.
func splitBrain(d time.Duration) fault {
	var group *relaytest.RedisSentinel
	var data, clients *relaytest.Link
	return fault{tells: true, maybe: true, also: lossIsBounded, Plan: faults.Plan{
		Group: func(t testing.TB) faults.RedisGroup {
			var n *relaytest.Namespace
			n, data = relaytest.NewNamespace(t)
			clients = n.Connect()
			group = relaytest.StartRedisSentinel(t, relaytest.SentinelAcross(data), relaytest.SentinelNodes(
				relaytest.RedisSettings("min-replicas-to-write 1", "min-replicas-max-lag "+strconv.Itoa(int(maxLag/second)))))
			return group
		},
		Relays: 2,
		Start: func(t testing.TB, relay int, env map[string]string) *relaytest.Relay {
			if relay == 0 {
				return relaytest.StartRelayIn(t, clients, env)
			}
			return relaytest.StartRelay(t, env)
		},
		Rewinds: true,
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("split brain", func() {
				data.Cut()
				w.Wait(d, d)
				data.Mend()
				group.AwaitPromotion()
				group.AwaitSync() // the old master is a replica
			})
			w.Wait(3*second, 4*second)
		},
	}}
}

// lossIsBounded says that the old master took nothing any more when it had had no replica
// for a while.
func lossIsBounded(t *testing.T, r faults.Result) {
	t.Helper()
	eachOnceAtMost(t, r)
	cut, last := r.History.Faults[0].Begun, time.Duration(0)
	lost := missing(r)
	for _, call := range lost {
		last = max(last, call.Ended.Sub(cut))
	}
	t.Logf("%d lines were acknowledged by the old master alone, the last %s after the cut", len(lost), last.Round(time.Millisecond))
	if most := maxLag + 2*second; last > most {
		t.Errorf("the old master acknowledged something %s after the cut", last)
	}
}

// eachOnceAtMost says that who reads all the time was told once, if the log is not what it
// was.
func eachOnceAtMost(t *testing.T, r faults.Result) {
	t.Helper()
	for _, v := range r.History.Views {
		stays := v.Reader == "stock" || v.Reader == "resuming"
		if gaps := len(seen(v, checker.GapTold)); stays && gaps > 1 {
			t.Errorf("%s of %s was told %d gaps", v.Reader, v.Channel, gaps)
		}
	}
}
