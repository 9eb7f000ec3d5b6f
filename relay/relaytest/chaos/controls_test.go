package chaos_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/chaos"
	"buildrelay/relay/relaytest/checker"
)

// A run that cannot fail is no test: nodes that lack one of the parts that keep the promise
// must be found out.
func TestChaosFindsWhatNodesLack(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("the controls of the short faults run in make test, these in make test-full")
	}
	for name, control := range map[string]struct {
		lacks string
		wrong []checker.Wrong
	}{
		"without comparing with the log":        {"RELAY_TEST_NO_RESYNC", []checker.Wrong{checker.Silent, checker.Lost}},
		"without comparing a reader's position": {"RELAY_TEST_NO_POSITION_CHECK", []checker.Wrong{checker.Doubled, checker.Silent}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			act := some(chaos.Acts()[0], func(f chaos.Fault) bool { return strings.HasPrefix(f.Name, "F11 ") })
			run := chaos.Run{
				Act: act, Size: chaos.Size{Nodes: 2, Clients: 24, Channels: 8, Entries: 120},
				Seed: 1 + rand.Uint64N(1e9), Last: 5 * time.Second, Calm: time.Second / 2, Lacks: control.lacks,
			}
			o := run.Do(t)
			if o.Report.Count(control.wrong...) == 0 || len(o.Wrong(act, later)) == 0 {
				t.Errorf("seed %d: nothing of %v was found, but:\n%s", run.Seed, control.wrong, o.Report)
			}
			t.Logf("lost %d, doubled %d, silent %d", o.Report.Count(checker.Lost), o.Report.Count(checker.Doubled), o.Report.Count(checker.Silent))
		})
	}
}
