package trail_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit/trail"
)

func TestWhatTheDatabaseDoesNotTakeIsSpooledAndFollowsInItsOrder(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.note(0, 10)
		pass(time.Second)
		r.fail(errAway)
		for n := 10; n < 300; n++ {
			r.Note(record(n))
			if n%10 == 0 {
				pass(time.Second)
			}
		}
		pass(95 * time.Second)
		if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 291 {
			t.Errorf("the spool has %d lines", lines)
		}
		text, ok := r.State()
		if ok || !strings.Contains(text, "spooling since 2000-01-01T00:00:01Z") || !strings.Contains(text, "290 records: disk I/O error") {
			t.Errorf("the state is %q, %v", text, ok)
		}
		if n := r.metric("buildrelay_audit_spooled_records"); n != 290 {
			t.Errorf("%v records are said to be in the spool", n)
		}
		if n := r.log.count("takes no audit records"); n != 3 {
			t.Errorf("the log says %d times in two minutes that there is trouble", n)
		}
		r.fail(nil)
		r.note(300, 310)
		pass(6 * time.Second)
		r.expect(from(0, 310))
		if text, ok := r.State(); text != "writing" || !ok {
			t.Errorf("the state is %q, %v", text, ok)
		}
		if rest := r.spooled(); len(rest) > 0 {
			t.Errorf("the spool still has %d bytes", len(rest))
		}
		if n := r.log.count("takes audit records again"); n != 1 {
			t.Errorf("the log says %d times that it is over", n)
		}
	})
}

func TestAnotherProcessTakesTheSpoolUp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 100)
		pass(time.Second)
		other := r.again()
		other.note(100, 200)
		other.run()
		pass(30 * time.Second)
		third := other.again()
		third.run()
		r.fail(nil)
		third.note(200, 300)
		pass(6 * time.Second)
		third.expect(from(0, 300))
	})
}

// The database committed, and nobody heard of it.
func TestACommitWhoseEndIsUnknownDoublesAndLosesNothing(t *testing.T) {
	for name, spool := range map[string]bool{"with a spool": true, "in memory": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *trail.Config) {
				if !spool {
					c.Spool = ""
				}
			}, func(t *testing.T, r *rig) {
				r.set(func(d *database) { d.fails, d.unsure = context.DeadlineExceeded, true })
				r.note(0, 50)
				pass(time.Second)
				r.note(50, 100)
				pass(time.Second)
				r.fail(nil)
				r.note(100, 150)
				pass(6 * time.Second)
				r.expect(from(0, 150))
			})
		})
	}
}

// While one commit takes long, what is noted meanwhile, and what is in the commit, is on the
// disk.
func TestASlowCommitDoesNotKeepRecordsInMemory(t *testing.T) {
	for name, works := range map[string]bool{"it works in the end": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				hanging := make(chan struct{})
				r.set(func(d *database) { d.hangs = hanging })
				r.note(0, 10)
				pass(500 * time.Millisecond)
				r.note(10, 20)
				pass(200 * time.Millisecond)
				if text := r.spooled(); len(text) > 0 {
					t.Errorf("after half a second %d bytes are spooled", len(text))
				}
				pass(500 * time.Millisecond)
				r.note(20, 30)
				pass(100 * time.Millisecond)
				if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 31 {
					t.Errorf("%d lines are spooled", lines)
				}
				if works {
					r.set(func(d *database) { d.hangs = nil })
					close(hanging)
				}
				pass(10 * time.Second) // a commit is given up
				r.set(func(d *database) { d.hangs = nil })
				pass(20 * time.Second)
				r.expect(from(0, 30))
				if text, ok := r.State(); text != "writing" || !ok {
					t.Errorf("the state is %q, %v", text, ok)
				}
			})
		})
	}
}

// A database that takes long for the only commit there is, and is then well again, is not
// said to be away for ever.
func TestAfterASlowCommitTheStateIsWellAgain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		hanging := make(chan struct{})
		r.set(func(d *database) { d.hangs = hanging })
		r.note(0, 1)
		pass(3 * time.Second)
		close(hanging)
		pass(time.Second)
		if text, ok := r.State(); text != "writing" || !ok {
			t.Errorf("the state is %q, %v", text, ok)
		}
		r.expect(from(0, 1))
	})
}

func TestASpoolThatIsFullDropsAndTellsExactlyHowMuch(t *testing.T) {
	const limit = 100_000
	bubble(t, func(c *trail.Config) { c.SpoolBytes = limit }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		for n := range 10_700 {
			r.Note(record(n))
			if n%100 == 99 {
				pass(100 * time.Millisecond)
			}
		}
		pass(time.Second)
		spooled := bytes.Count(r.spooled(), []byte("\n")) - 1
		if size := len(r.spooled()); size > limit || size < limit-1_000 {
			t.Errorf("the spool has %d bytes", size)
		}
		const memory = 10_000
		if lost := r.metric("buildrelay_audit_dropped_total"); int(lost) != 10_700-spooled-memory || lost < 1 {
			t.Errorf("%v are lost, %d spooled", lost, spooled)
		}
		if text, ok := r.State(); ok || !strings.Contains(text, "records were lost") {
			t.Errorf("the state is %q, %v", text, ok)
		}
		if r.log.count("the spool is full") == 0 || r.log.count("audit records were lost") == 0 {
			t.Error("the log does not tell")
		}
		r.fail(nil)
		pass(10 * time.Second)
		r.note(10_700, 10_710)
		pass(time.Second)
		r.expect(slices.Concat(from(0, spooled+memory), from(10_700, 10_710)))
		gaps := r.gaps()
		if len(gaps) != 1 || gaps[0].Reason != "spool_full" || int(gaps[0].Count) != 10_700-spooled-memory {
			t.Errorf("the gaps are %+v", gaps)
		}
	})
}

// What the database has taken of the spool makes room, though there is still something behind
// it.
func TestASpoolThatIsPartlyTakenHasRoom(t *testing.T) {
	const limit = 2_000_000
	bubble(t, func(c *trail.Config) { c.SpoolBytes = limit }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 3_500)
		pass(time.Second)
		before := len(r.spooled())
		if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 3_501 || before < limit*3/4 {
			t.Fatalf("the spool has %d lines, %d bytes", lines, before)
		}
		r.set(func(d *database) { d.works = 6 })
		pass(6 * time.Second)
		if taken := len(r.has()); taken < 1_500 || taken > 3_000 {
			t.Fatalf("the database took %d records", taken)
		}
		r.note(3_500, 6_500)
		pass(10 * time.Second)
		if size := len(r.spooled()); size > limit {
			t.Errorf("the spool has %d bytes", size)
		}
		if n := r.metric("buildrelay_audit_waiting_records"); n > 1_500 {
			t.Errorf("%v records are in memory", n)
		}
		other := r.again()
		other.run()
		r.fail(nil)
		pass(10 * time.Second)
		lost := int(r.metric("buildrelay_audit_dropped_total"))
		other.expect(from(0, 6_500-lost))
		if gaps := other.gaps(); lost > 0 && len(gaps) != 1 {
			t.Errorf("%d are lost, the gaps are %+v", lost, gaps)
		}
		if _, err := os.Stat(r.config.Spool + ".new"); err == nil {
			t.Error("a temporary file is left")
		}
	})
}

func TestTwoProcessesDoNotShareASpool(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 10)
		pass(time.Second)
		stop := r.stop
		r.stop = func() {}
		other := r.again()
		other.run()
		other.note(10, 20)
		pass(time.Second)
		if other.log.count("another node may have") == 0 {
			t.Error("the log does not say that the spool is another's")
		}
		stop()
		pass(5 * time.Second)
		if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 21 {
			t.Errorf("after the other has gone the spool has %d lines", lines)
		}
		r.fail(nil)
		pass(10 * time.Second)
		other.expect(from(0, 20))
	})
}

func TestASpoolThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	bubble(t, func(c *trail.Config) {
		c.Spool, c.Heads = filepath.Join(folder, "spool"), filepath.Join(folder, "heads")
	}, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 10)
		pass(5 * time.Second)
		if r.log.count("the audit spool takes no records") != 1 {
			t.Error("the log does not tell, or too often")
		}
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 11 {
			t.Errorf("the spool has %d lines", lines)
		}
		r.fail(nil)
		pass(6 * time.Second)
		r.expect(from(0, 10))
	})
}

// Nobody but the node reads what is spooled.
func TestTheSpoolAndTheHeadsAreTheNodesAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, t.TempDir(), nil)
	r.note(0, 1)
	r.run()
	r.stop()
	for _, path := range []string{r.config.Spool, r.config.Heads} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(path), mode)
		}
	}
}

// The name is that of the host by default, and so another where a container is made anew.
func TestWhatIsSpooledIsCommittedByANodeOfAnotherName(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 5)
		pass(time.Second)
		r.stop()
		other := newRig(t, filepath.Dir(r.config.Spool), func(c *trail.Config) { c.Chain = "node-2" })
		other.run()
		pass(10 * time.Second)
		other.expect(from(0, 5))
		if gaps := other.gaps(); len(gaps) > 0 {
			t.Errorf("the gaps are %+v", gaps)
		}
	})
}

// A database that is well may be slower than a herd of clients.
func TestABurstThatMemoryDoesNotHoldIsSpooled(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		hanging := make(chan struct{})
		r.set(func(d *database) { d.hangs = hanging })
		for n := 0; n < 24_000; n += 6_000 {
			r.note(n, n+6_000)
			pass(100 * time.Millisecond)
		}
		if n := r.metric("buildrelay_audit_away"); n != 0 {
			t.Errorf("away is %v", n)
		}
		r.set(func(d *database) { d.hangs = nil })
		close(hanging)
		pass(10 * time.Second)
		r.expect(from(0, 24_000))
		if n := r.metric("buildrelay_audit_dropped_total"); n != 0 {
			t.Errorf("%v records are lost", n)
		}
	})
}
