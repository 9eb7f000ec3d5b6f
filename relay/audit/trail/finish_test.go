package trail_test

import (
	"bytes"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
)

func TestAtTheEndWhatWaitsIsCommitted(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		pass(time.Second)
		r.note(0, 5_000)
		for range 15 {
			r.Refused(record(1), "limit", "192.0.2.1")
		}
		begin := time.Now()
		r.stop()
		if took := time.Since(begin); took > 0 {
			t.Errorf("it took %s", took)
		}
		if got := len(r.has()); got != 5_011 {
			t.Errorf("%d records", got)
		}
		if len(r.spooled()) > 0 {
			t.Error("something is in the spool")
		}
	})
}

// In spite of a database that is away, within five seconds.
func TestAtTheEndWhatTheDatabaseDoesNotTakeIsSpooled(t *testing.T) {
	cases := map[string]func(d *database){
		"it hangs": func(d *database) { d.hangs = make(chan struct{}) },
		"it fails": func(d *database) { d.fails = errAway },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				pass(time.Second)
				r.set(change)
				r.note(0, 10)
				pass(100 * time.Millisecond)
				r.note(10, 20)
				begin := time.Now()
				r.stop()
				if took := time.Since(begin); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 21 {
					t.Errorf("the spool has %d lines", lines)
				}
				if r.log.count("wait in the spool until the node runs again") != 1 {
					t.Error("the log does not tell")
				}
				if text, ok := r.State(); ok || text != "not running" {
					t.Errorf("the state is %q, %v", text, ok)
				}
				other := r.again()
				r.set(func(d *database) { d.hangs, d.fails = nil, nil })
				other.run()
				pass(time.Second)
				other.expect(from(0, 20))
			})
		})
	}
}

// What was lost is told even where the spool is full: it has some room for that.
func TestAtTheEndALossIsSpooledThoughTheSpoolIsFull(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.SpoolBytes = 10_000 }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 100)
		pass(time.Second)
		spooled := bytes.Count(r.spooled(), []byte("\n")) - 1
		r.stop()
		other := r.again()
		r.fail(nil)
		other.run()
		pass(time.Second)
		other.expect(from(0, spooled))
		if gaps := other.gaps(); len(gaps) != 1 || gaps[0].Count != int64(100-spooled) || gaps[0].Reason != "end" {
			t.Errorf("%d were spooled, the gaps are %+v", spooled, gaps)
		}
	})
}

func TestAtTheEndAMomentOfTroubleIsWaitedFor(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.Spool = "" }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 10)
		pass(50 * time.Millisecond)
		time.AfterFunc(2*time.Second, func() { r.fail(nil) })
		r.stop()
		r.expect(from(0, 10))
	})
}

func TestAtTheEndWhatIsLostIsLoud(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.Spool = "" }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 10)
		begin := time.Now()
		r.stop()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
		if n := r.metric("buildrelay_audit_dropped_total"); n != 10 {
			t.Errorf("%v are counted as lost", n)
		}
		if r.log.count("lost at the end") != 1 {
			t.Error("the log does not tell")
		}
	})
}

func TestOldRecordsArePurgedAndThatIsRecorded(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.Keep = 24 * time.Hour }, func(t *testing.T, r *rig) {
		var asked []time.Duration
		r.set(func(d *database) {
			d.purge = func(before time.Time) (audit.AuditPurge, error) {
				asked = append(asked, time.Since(before))
				switch len(asked) {
				case 1:
					return audit.AuditPurge{Before: before}, nil
				case 2:
					return audit.AuditPurge{}, errAway
				}
				return audit.AuditPurge{Count: 7, Before: before, Chains: 1}, nil
			}
		})
		pass(2*time.Hour + 2*time.Minute)
		if len(asked) != 3 || asked[0] != 24*time.Hour || asked[2] != 24*time.Hour {
			t.Errorf("purged %v", asked)
		}
		if got := r.has(); len(got) != 1 || got[0].Action != audit.ActionAuditPurge || !bytes.Contains(got[0].Line, []byte(`"count":7`)) {
			t.Errorf("recorded: %+v", got)
		}
		if n := r.metric("buildrelay_audit_purged_total"); n != 7 {
			t.Errorf("%v are counted", n)
		}
		if r.log.count("cannot be removed") != 1 {
			t.Error("the log does not tell what failed")
		}
	})
}

func TestWithoutAnAgeNothingIsPurged(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		pass(24 * time.Hour) // a purge would be a nil call
		if n := len(r.has()); n != 0 {
			t.Errorf("%d records", n)
		}
	})
}
