package main_test

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

// slotsMoved moves each log twice, and between the two some of the rolls' partitions. Each
// slot stays half moved for a second.
func slotsMoved() fault {
	start, cluster := startCluster()
	return fault{Plan: faults.Plan{
		Group:  start,
		Relays: 2,
		Nemesis: func(w *faults.World) {
			move := func(key string) {
				w.Fault("a slot is moved", func() {
					(*cluster).MoveInSteps((*cluster).Slot(key), func() { w.Wait(second, second) })
				})
				w.Wait(second/2, second)
			}
			w.Wait(second, 2*second)
			for range 2 {
				move("buildrelay:{" + relaytest.AppID + ":private-all-1}")
				move("buildrelay:{" + relaytest.AppID + ":private-none-1}")
				for range int(lasting(4, 1)) {
					move(fmt.Sprintf("buildrelay:{~roster:%d}", w.Pick(16)))
				}
			}
			w.Wait(2*second, 3*second)
		},
	}}
}

// clusterMasterKilled kills a master whose replica has all, by what it lets be written
// meanwhile, or the logs would lose something.
func clusterMasterKilled() fault {
	start, cluster := startCluster(relaytest.ClusterReplicas())
	return fault{maybe: true, Plan: faults.Plan{
		Group:   start,
		Relays:  2,
		Rewinds: true, // a Cluster replicates after it acknowledges
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("a master is killed", func() {
				(*cluster).Kill((*cluster).MasterOf("buildrelay:{" + relaytest.AppID + ":private-all-1}"))
			})
			w.Wait(2*second, 3*second)
			(*cluster).Restore()
			w.Fault("a master steps down", func() {
				(*cluster).FailOver((*cluster).MasterOf("buildrelay:{" + relaytest.AppID + ":private-none-1}"))
			})
			w.Wait(2*second, 3*second)
		},
	}}
}
