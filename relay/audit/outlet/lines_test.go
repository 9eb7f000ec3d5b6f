package outlet_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"buildrelay/relay/audit"
)

// pipe is a stdout that somebody reads, or not. Its zero value takes everything.
type pipe struct {
	buffer

	mu    sync.Mutex
	takes int // bytes of the next write, which then fails; 0: all
	err   error
	hang  chan struct{} // until it is closed nothing is taken; nil: not
	tries []time.Time
}

func (p *pipe) Write(text []byte) (int, error) {
	p.mu.Lock()
	hang, err, takes := p.hang, p.err, p.takes
	p.tries = append(p.tries, time.Now())
	p.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if err != nil {
		_, _ = p.buffer.Write(text[:min(takes, len(text))])
		return takes, err
	}
	return p.buffer.Write(text)
}

func (p *pipe) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// inBubble runs a test in which time passes at once.
func inBubble(t *testing.T, test func(t *testing.T, r *rig, out *pipe)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &pipe{}
		test(t, newRig(t, newTrail(t), out, "stdout"), out)
	})
}

// pass lets time pass, and everything happen that is due then.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestStdoutHasALineForEachRecordAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		r.run(t)
		synctest.Wait()
		var want []string
		for n := range 5 {
			want = append(want, r.trail.add(t, n*60)...)
			r.Wake()
			synctest.Wait()
			records, _ := split(t, out.lines())
			expectOnce(t, want, records)
		}
	})
}

func TestAHeadComesAtTheStartEachHourAndAtTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		heads := func() []audit.Head {
			_, heads := split(t, out.lines())
			return heads
		}
		r.run(t)
		pass(2 * time.Hour)
		r.trail.checkHeads(t, heads(), 0) // of nothing
		r.trail.add(t, 3)
		r.Wake()
		synctest.Wait()
		r.trail.checkHeads(t, heads(), 1)
		r.trail.add(t, 1)
		r.Wake()
		pass(time.Hour - time.Second)
		r.trail.checkHeads(t, heads(), 1)
		pass(2 * time.Second)
		r.trail.checkHeads(t, heads(), 2)
		pass(time.Hour) // also if nothing is new: that one comes is a sign of life
		r.trail.checkHeads(t, heads(), 3)
		r.trail.add(t, 2)
		r.stop()
		all := heads()
		r.trail.checkHeads(t, all, 4)
		if all[0].Seq != 3 || all[1].Seq != 4 || all[2].Seq != 4 || all[3].Seq != 6 {
			t.Errorf("the heads are of %v", all)
		}
	})
}

func TestTheFirstHeadAfterARestartIsOfWhatWasDeliveredBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, _ *pipe) {
		r.trail.add(t, 7)
		r.run(t)
		synctest.Wait()
		r.stop()
		out := &pipe{}
		newRig(t, r.trail, out, "stdout").run(t)
		synctest.Wait()
		records, heads := split(t, out.lines())
		r.trail.checkHeads(t, heads, 1)
		if len(records) != 0 || heads[0].Seq != 7 {
			t.Errorf("%d records and the head of %d", len(records), heads[0].Seq)
		}
	})
}

// Another process may write the chain too, and wakes nobody here.
func TestRecordsComeWithoutAWake(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		r.run(t)
		synctest.Wait()
		want := r.trail.add(t, 2)
		pass(30 * time.Second)
		records, _ := split(t, out.lines())
		expectOnce(t, want, records)
	})
}

func TestPausesGrowAndEndAtHalfAMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		out.err = errors.New("full")
		want := r.trail.add(t, 1)
		r.run(t)
		pass(10 * time.Minute)
		var longest time.Duration
		for i := range len(out.tries) - 1 {
			r.Wake() // changes nothing
			longest = max(longest, out.tries[i+1].Sub(out.tries[i]))
		}
		first := out.tries[1].Sub(out.tries[0])
		if longest > 30*time.Second || longest < 15*time.Second || first > 250*time.Millisecond || len(out.tries) > 60 {
			t.Errorf("%d tries, the first pause %v, the longest %v", len(out.tries), first, longest)
		}
		if r.log.times("level=ERROR") != 1 || r.lag("stdout") != 1 {
			t.Errorf("the lag is %v, the log says %s", r.lag("stdout"), r.log)
		}
		out.set(func() { out.err = nil })
		pass(30 * time.Second)
		records, _ := split(t, out.lines())
		expectOnce(t, want, records)
		if r.log.times("takes audit records again") != 1 || r.lag("stdout") != 0 {
			t.Errorf("the lag is %v, the log says %s", r.lag("stdout"), r.log)
		}
	})
}

func TestALineThatWasCutSpoilsNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		want := r.trail.add(t, 3)
		out.err, out.takes = errors.New("full"), len(want[0])+10
		r.run(t)
		synctest.Wait()
		out.set(func() { out.err = nil })
		pass(time.Minute)
		lines := out.lines()
		records, _ := split(t, append(lines[:1:1], lines[2:]...))
		expectAll(t, want, records)
		if lines[1] != want[1][:9] {
			t.Errorf("the torn line is %q", lines[1])
		}
	})
}

// A terminal that was stopped takes nothing, and no call ends that.
func TestAStdoutThatHangsHoldsUpTheEndForFiveSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		out.hang = make(chan struct{})
		want := r.trail.add(t, 3)
		r.run(t)
		pass(time.Minute)
		if r.failed("stdout") == 0 || r.log.times(`reason="no answer in time"`) != 1 {
			t.Errorf("the log says %s", r.log)
		}
		if len(out.tries) != 1 {
			t.Errorf("%d writes at once", len(out.tries))
		}
		began := time.Now()
		r.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the end took %v", took)
		}
		if r.log.times("after the next start") != 1 || r.cursor(r.targets[0]) != 0 {
			t.Errorf("the cursor is at %d, the log says %s", r.cursor(r.targets[0]), r.log)
		}
		close(out.hang)
		synctest.Wait()
		records, _ := split(t, out.lines())
		expectOnce(t, want, records)
	})
}

func TestAStdoutThatHungGetsEverythingOnceItIsRead(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		out.hang = make(chan struct{})
		want := r.trail.add(t, 250)
		r.run(t)
		pass(time.Minute)
		close(out.hang)
		out.set(func() { out.hang = nil })
		pass(time.Minute)
		records, _ := split(t, out.lines())
		expectAll(t, want, records)
	})
}

func TestASourceThatIsAwayIsToldOnceAndNothingIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		r.trail.err = errors.New("the database is away")
		r.run(t)
		pass(5 * time.Minute)
		if r.log.times("level=ERROR") != 1 || r.log.times("cannot be read") != 1 || r.log.times("the database is away") != 1 {
			t.Errorf("the log says %s", r.log)
		}
		r.trail.do(func(s *trail) { s.err = nil })
		want := r.trail.add(t, 150)
		pass(time.Minute)
		r.trail.do(func(s *trail) { s.err = errors.New("away again") })
		pass(time.Minute)
		r.trail.do(func(s *trail) { s.err = nil })
		want = append(want, r.trail.add(t, 150)...)
		pass(time.Minute)
		records, _ := split(t, out.lines())
		expectAll(t, want, records)
		if r.log.times("again") < 2 {
			t.Errorf("the log says %s", r.log)
		}
	})
}

func TestRecordsThatWerePurgedBeforeTheyWentOutAreToldInTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		want := r.trail.add(t, 2)
		r.run(t)
		synctest.Wait()
		more := r.trail.add(t, 10)
		r.trail.do(func(s *trail) { s.records = s.records[7:] })
		r.Wake()
		synctest.Wait()
		records, _ := split(t, out.lines())
		expectOnce(t, append(want, more[5:]...), records)
		if r.log.times("first=3 last=7") != 1 {
			t.Errorf("the log says %s", r.log)
		}
	})
}

func TestAChainThatWasCutIsToldInTheLogAndGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig, out *pipe) {
		want := r.trail.add(t, 10)
		r.run(t)
		synctest.Wait()
		r.trail.do(func(s *trail) { s.records = s.records[:4] })
		pass(time.Minute)
		if r.log.times("outlet_has=10 last=4") != 1 {
			t.Errorf("the log says %s", r.log)
		}
		want = append(want, r.trail.add(t, 3)...)
		r.Wake()
		pass(time.Minute)
		records, _ := split(t, out.lines())
		expectOnce(t, want, records)
		if n := r.log.times("level=ERROR"); n > 2 {
			t.Errorf("the log says %s", r.log)
		}
	})
}

func TestTheLogNamesATargetWithoutItsKeys(t *testing.T) {
	t.Parallel()
	target := mustParse(t, "s3://AK:zQ7zQ7@host/bucket/prefix?region=x")
	if got := target.String(); got != "s3://host/bucket/prefix" || strings.Contains(got, "zQ7") {
		t.Error(got)
	}
	if got := target.LogValue().String(); got != target.String() {
		t.Error(got)
	}
}
