package trials_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// A checker that can't fail is no test: a relay that lacks one of the parts that keep
// the promise must be found out.
func TestFaultsAreFoundInARelayThatLacksAPart(t *testing.T) {
	t.Parallel()
	for name, control := range map[string]struct {
		lacks string
		wrong []checker.Wrong
	}{
		"without comparing with the log":        {"RELAY_TEST_NO_RESYNC", []checker.Wrong{checker.Silent, checker.Lost}},
		"without comparing a reader's position": {"RELAY_TEST_NO_POSITION_CHECK", []checker.Wrong{checker.Doubled, checker.Silent}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := subscriptionsKilled(6 * second)
			plan.Load.Every = 20 * time.Millisecond
			plan.Fault, plan.Faulty, plan.Env = name, true, map[string]string{control.lacks: "1"}
			r := faults.Run(t, plan)
			if r.Report.Count(control.wrong...) == 0 {
				t.Errorf("nothing of %v was found, but:\n%s", control.wrong, r.Report)
			}
			t.Logf("lost %d, doubled %d, silent %d", r.Report.Count(checker.Lost), r.Report.Count(checker.Doubled), r.Report.Count(checker.Silent))
		})
	}
}
