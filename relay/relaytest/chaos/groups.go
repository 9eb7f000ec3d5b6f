package chaos

import (
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// takenForDead is how long a Redis server must be silent to be taken for dead: on a machine
// that is busy one that lives may be silent for a second.
const takenForDead = 5 * second

// prepareSentinels has a master with one replica. It acknowledges before the replica has
// what it was told: what is lost with it must be told.
func prepareSentinels(p *faults.Plan, _ *World) {
	p.Rewinds = true
	p.Group = func(t testing.TB) faults.RedisGroup {
		return relaytest.StartRedisSentinel(t, relaytest.SentinelDownAfter(takenForDead),
			relaytest.SentinelNodes(relaytest.RedisSettings("tcp-backlog 4096")))
	}
}

func sentinelFaults() []Fault {
	sentinels := func(w *World) *relaytest.RedisSentinel { return w.Group.(*relaytest.RedisSentinel) }
	restore := func(w *World) { sentinels(w).Restore() }
	return append(nodeFaults(),
		Fault{Name: "F13 the master is killed", Mend: restore, Harm: func(w *World) { sentinels(w).ReplaceMaster() }},
		Fault{Name: "F13 the master steps down", Mend: restore, Harm: func(w *World) { sentinels(w).FailOver() }},
		Fault{Name: "F14 the replica is cut off and the master killed", Mend: restore, Harm: func(w *World) {
			sentinels(w).CutReplica()
			w.Wait(2*second, 2*second)
			sentinels(w).ReplaceMaster()
		}},
		Fault{Name: "F11 subscriptions are killed every 300 ms", Harm: killSubscriptions},
	)
}

// prepareCluster has three masters with a replica each, which acknowledge as the one with
// Sentinels does.
func prepareCluster(p *faults.Plan, _ *World) {
	p.Rewinds = true
	p.Group = func(t testing.TB) faults.RedisGroup {
		return relaytest.StartRedisCluster(t, relaytest.ClusterReplicas(), relaytest.ClusterNodeTimeout(takenForDead),
			relaytest.ClusterNodes(relaytest.RedisSettings("tcp-backlog 4096")))
	}
}

func clusterFaults() []Fault {
	cluster := func(w *World) *relaytest.RedisCluster { return w.Group.(*relaytest.RedisCluster) }
	restore := func(w *World) { cluster(w).Restore() }
	pick := func(w *World) *relaytest.Redis {
		masters := cluster(w).Masters()
		return masters[w.Pick(len(masters))]
	}
	return append(nodeFaults(),
		Fault{Name: "F16 the slots of four logs are moved", Harm: func(w *World) {
			channels := w.Channels()
			for range 4 {
				slot := cluster(w).Slot(faults.LogKey(channels[w.Pick(len(channels))]))
				cluster(w).MoveInSteps(slot, func() { w.Wait(second/2, second) })
			}
		}},
		Fault{Name: "F16 a master of the Cluster is killed", Mend: restore, Harm: func(w *World) { cluster(w).Kill(pick(w)) }},
		Fault{Name: "F16 a master of the Cluster steps down", Mend: restore, Harm: func(w *World) { cluster(w).FailOver(pick(w)) }},
	)
}
