package trials_test

import (
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// Nodes are replaced by those of the version before, and by this one's again, one after the
// other, while events come: nothing is lost, and nothing comes twice.
func TestNothingIsLostWhileNodesOfTwoVersionsAreReplaced(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("the version before is built for the whole matrix alone")
	}
	old, now := relaytest.BuildAt(t, relaytest.VersionBefore), relaytest.Build(t)
	fault{Plan: faults.Plan{Fault: "nodes are replaced by the version before, and back", Relays: 2, Nemesis: func(w *faults.World) {
		for _, binary := range []string{old, now} {
			for _, relay := range w.Relays {
				w.Wait(second, 2*second)
				relay.Become(binary)
				w.Fault("replace", relay.Restart)
			}
		}
		w.Wait(second, 2*second)
	}}}.run(t)
}
