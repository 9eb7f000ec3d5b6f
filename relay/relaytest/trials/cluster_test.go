package trials_test

import (
	"fmt"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// Wherever a Cluster has a log, it is one.
func TestFaultsOfClusters(t *testing.T) {
	t.Parallel()
	runFaults(t, map[string]fault{
		"F16 slots of logs and of the rolls are moved": slotsMoved(),
		"F16 a master of the Cluster is killed":        clusterMasterKilled(),
	})
}

func startCluster(options ...relaytest.ClusterOption) (start func(t testing.TB) faults.RedisGroup, cluster **relaytest.RedisCluster) {
	cluster = new(*relaytest.RedisCluster)
	return func(t testing.TB) faults.RedisGroup {
		*cluster = relaytest.StartRedisCluster(t, options...)
		return *cluster
	}, cluster
}

// slotsMoved moves the logs and some of the rolls' partitions. Each slot stays half moved
// for a while.
func slotsMoved() fault {
	start, cluster := startCluster()
	return fault{Plan: faults.Plan{
		Group:  start,
		Relays: 2,
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			for range int(relaytest.Lasting(3, 1)) {
				for _, key := range []string{logOf("private-all-1"), logOf("private-none-1"), rollOf(w.Pick(16))} {
					w.Fault("a slot is moved", func() {
						(*cluster).MoveInSteps((*cluster).Slot(key), func() { w.Wait(second, second) })
					})
					w.Wait(second/2, second)
				}
			}
			w.Wait(2*second, 3*second)
		},
	}}
}

func logOf(channel string) string { return "buildrelay:{" + relaytest.AppID + ":" + channel + "}" }

func rollOf(partition int) string { return fmt.Sprintf("buildrelay:{~roster:%d}", partition) }

// clusterMasterKilled kills the master of a log, and has that of the other step down.
func clusterMasterKilled() fault {
	start, cluster := startCluster(relaytest.ClusterReplicas())
	return fault{maybe: true, Plan: faults.Plan{
		Group:   start,
		Relays:  2,
		Rewinds: true, // a Cluster replicates after it acknowledges
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("a master is killed", func() { (*cluster).Kill((*cluster).MasterOf(logOf("private-all-1"))) })
			w.Wait(2*second, 3*second)
			(*cluster).Restore()
			w.Fault("a master steps down", func() { (*cluster).FailOver((*cluster).MasterOf(logOf("private-none-1"))) })
			w.Wait(2*second, 3*second)
		},
	}}
}
