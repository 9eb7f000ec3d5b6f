package chaos

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

// Run is one run of an act.
type Run struct {
	Act  Act
	Size Size
	Seed uint64
	Last time.Duration // how long faults are done
	// Calm is the least time between faults; at most it is twice that.
	Calm time.Duration
	// Lacks is a part that the nodes lack, as the setting that takes it away; empty means
	// none.
	Lacks string
}

// Outcome is what came of a run.
type Outcome struct {
	faults.Result
	// Lag is how late the test's own process was.
	Lag checker.Times
	// Logs are those of the nodes.
	Logs [][]string
}

// Do does it.
func (r Run) Do(t *testing.T) Outcome {
	t.Helper()
	w := &World{size: r.Size}
	plan := r.plan(w)
	t.Logf("%s with seed %d, %d clients, %d channels, %d entries/s; the first faults are: %s",
		r.Act.Name, r.Seed, r.Size.Clients, r.Size.Channels, r.Size.Entries, first(r.Act.Faults, r.Seed))
	plan.Nemesis = func(world *faults.World) {
		w.World = world
		calm := func() { w.Wait(r.Calm, 2*r.Calm) }
		calm()
		newSchedule(r.Act.Faults, r.Seed).do(w, time.Now().Add(r.Last), calm)
	}
	late := startLag()
	o := Outcome{Result: faults.Run(t, plan), Lag: late.end()}
	for _, node := range w.Relays {
		o.Logs = append(o.Logs, node.LogOfAll())
		node.Signal(syscall.SIGTERM) // at once: they drain before they end
	}
	return o
}

// plan is the run without its Nemesis.
func (r Run) plan(w *World) faults.Plan {
	p := faults.Plan{
		Fault: r.Act.Name, Seed: r.Seed, Relays: r.Size.Nodes, Channels: r.Size.channelNames(),
		Writers: r.Size.writers(), Readers: r.Size.readers(), Balanced: true, TLS: r.Lacks == "",
		Env: map[string]string{
			"RELAY_PING_AFTER":     "10s", // less than what a client takes for silence
			"RELAY_DRAIN_DELAY":    "1s",
			"RELAY_DRAIN_WINDOW":   "4s",
			"RELAY_MAX_HANDSHAKES": "60",
		},
	}
	if r.Lacks != "" {
		p.Faulty, p.Env[r.Lacks] = true, "1"
	}
	r.Act.Prepare(&p, w)
	return p
}

// Wrong is what may not be, without which a run is good. soon is how soon after a fault a reader
// must be shown what follows, but for what the test's own process was late by.
func (o Outcome) Wrong(a Act, soon time.Duration) (wrong []string) {
	if len(o.Report.Violations) > 0 {
		wrong = append(wrong, fmt.Sprintf("%d entries are wrong:\n%s", o.Report.Count(), o.Report))
	}
	if o.Report.Told > 0 && !a.Tells {
		wrong = append(wrong, fmt.Sprintf("%d gaps were told:\n%s", o.Report.Told, o.gaps()))
	}
	for _, row := range o.Report.Faults {
		if late := row.Detection.Max(); late > soon+o.Lag.Max() {
			wrong = append(wrong, fmt.Sprintf("after %q something was seen after %s only", row.Fault, late))
		}
	}
	return wrong
}

// gaps are the first that were told.
func (o Outcome) gaps() string {
	var lines []string
	for _, v := range o.History.Views {
		for _, s := range v.Sights {
			if s.Kind == checker.GapTold && len(lines) < 5 {
				lines = append(lines, fmt.Sprintf("%s, %s: %s", v.Channel, v.Reader, s))
			}
		}
	}
	return strings.Join(lines, "\n")
}
