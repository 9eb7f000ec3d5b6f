package trail_test

import (
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
)

func TestWhatIsNotedReachesTheDatabaseInItsOrder(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.note(0, 2_500)
		pass(time.Second)
		r.expect(from(0, 2_500))
		if text, ok := r.State(); text != "writing" || !ok {
			t.Errorf("the state is %q, %v", text, ok)
		}
		if n := r.metric("buildrelay_audit_records_total"); n != 2_500 {
			t.Errorf("%v records are counted", n)
		}
		if n := r.metric("buildrelay_audit_waiting_records"); n != 0 {
			t.Errorf("%v records wait", n)
		}
	})
}

// A node where little happens is not to write to the disk for each record.
func TestWhatHappensWithinAMomentSharesACommit(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for n := range 1_000 {
			r.Note(record(n))
			pass(time.Millisecond)
		}
		pass(time.Second)
		r.expect(from(0, 1_000))
		if r.commits < 20 || r.commits > 60 {
			t.Errorf("%d commits in a second", r.commits)
		}
	})
}

func TestNotingNeverWaitsAndWhatIsTooMuchIsToldAsAGap(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.Spool = "" }, func(t *testing.T, r *rig) {
		hanging := make(chan struct{})
		r.set(func(d *database) { d.hangs = hanging })
		begin := time.Now()
		r.note(0, 12_000)
		if took := time.Since(begin); took > 0 {
			t.Errorf("noting waited %s", took)
		}
		pass(2 * time.Second)
		if text, ok := r.State(); ok || !strings.Contains(text, "10000 records in memory") || !strings.Contains(text, "2000 records were lost") {
			t.Errorf("the state is %q, %v", text, ok)
		}
		if n := r.metric("buildrelay_audit_dropped_total"); n != 2_000 {
			t.Errorf("%v records are counted as lost", n)
		}
		if n := r.metric("buildrelay_audit_away"); n != 1 {
			t.Errorf("away is %v", n)
		}
		r.set(func(d *database) { d.hangs = nil })
		close(hanging)
		pass(10 * time.Second)
		r.expect(from(0, 10_000))
		gaps := r.gaps()
		if len(gaps) != 1 || gaps[0].Count != 2_000 || gaps[0].Reason != "memory" || !gaps[0].From.Equal(begin) || !gaps[0].Until.Equal(begin) {
			t.Errorf("the gaps are %+v", gaps)
		}
		if text, ok := r.State(); text != "writing" || !ok {
			t.Errorf("the state is %q, %v", text, ok)
		}
		if n := r.metric("buildrelay_audit_away"); n != 0 {
			t.Errorf("away is %v", n)
		}
	})
}

func TestARecordThatCannotBeWrittenDownHoldsUpNoOther(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.note(0, 1)
		r.Note(audit.New(time.Now(), audit.ActionSignin, make(chan int)))
		r.Note(audit.New(time.Now(), audit.ActionSignin, audit.Signin{User: strings.Repeat("u", 300<<10)}))
		r.note(1, 2)
		pass(3 * time.Second)
		r.expect(from(0, 2))
		if gaps := r.gaps(); len(gaps) != 1 || gaps[0].Count != 2 || gaps[0].Reason != "encoding" {
			t.Errorf("the gaps are %+v", gaps)
		}
	})
}

func TestANilTrailKeepsNothing(t *testing.T) {
	var none *trail.Trail
	none.Note(record(1))
	none.Refused(record(1), "limit", "192.0.2.1")
	if err := none.Confirm(t.Context(), record(1)); err != nil {
		t.Error(err)
	}
	if err := none.Keep(t.Context(), []audit.Record{record(1)}); err != nil {
		t.Error(err)
	}
	if text, ok := none.State(); !ok || !strings.Contains(text, "no audit trail") {
		t.Errorf("the state is %q, %v", text, ok)
	}
}

// As long as the trail runs, and after it, nobody who notes is disturbed.
func TestBeforeAndAfterItsRunATrailTakesRecordsWithoutWaiting(t *testing.T) {
	t.Parallel()
	r := newRig(t, t.TempDir(), nil)
	r.note(0, 3)
	if text, ok := r.State(); ok || text != "not running" {
		t.Errorf("the state is %q, %v", text, ok)
	}
	r.run()
	r.stop()
	r.note(3, 5)
	r.expect(from(0, 3))
	if n := r.metric("buildrelay_audit_dropped_total"); n != 2 {
		t.Errorf("%v records are counted as lost", n)
	}
	if err := r.Keep(t.Context(), []audit.Record{record(6)}); err == nil {
		t.Error("a trail that is over keeps a record")
	}
}
