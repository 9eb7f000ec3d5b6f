package trials_test

import (
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// Users see each other come and go in turn whoever has the rolls.
func TestCrowdsAreSeenAsTheyAreWhoeverHasTheRolls(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("crowds behind Sentinels and in a Cluster are for make test-full")
	}
	sentinels, group := startGroup()
	cluster, nodes := startCluster()
	for name, c := range map[string]faults.Crowd{
		"the master is replaced": {Group: sentinels, Nemesis: func(w *faults.CrowdWorld) {
			w.Wait(3*second, 4*second)
			(*group).ReplaceMaster()
			w.Wait(2*second, 3*second)
			(*group).Restore()
			(*group).FailOver()
			w.Wait(2*second, 3*second)
		}},
		"the partitions are moved": {Group: cluster, Nemesis: func(w *faults.CrowdWorld) {
			w.Wait(3*second, 4*second)
			for partition := range int(relaytest.Lasting(16, 4)) {
				(*nodes).MoveInSteps((*nodes).Slot(rollOf(partition)), func() { w.Wait(second/4, second/2) })
			}
			w.Wait(2*second, 3*second)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Fault, c.Relays, c.Channels, c.Users, c.Stay = name, 2, 6, 60, 4*second
			r := faults.RunCrowd(t, c)
			t.Logf("%d visits, %d joins and leaves told, settled after %s", r.Visits, r.Told, r.Settled)
			if len(r.Wrong) > 0 {
				t.Errorf("with RELAY_FAULT_SEED=%d %d things are wrong:\n%s", r.Seed, len(r.Wrong),
					strings.Join(r.Wrong[:min(40, len(r.Wrong))], "\n"))
			}
			if r.Visits < 100 || r.Told < 200 {
				t.Errorf("%d visits and %d joins and leaves say nothing", r.Visits, r.Told)
			}
		})
	}
}
