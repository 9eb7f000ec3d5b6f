package trail_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
)

func strict(c *trail.Config) { c.Strict = true }

func TestInStrictModeConfirmWaitsForTheDatabase(t *testing.T) {
	bubble(t, strict, func(t *testing.T, r *rig) {
		hanging := make(chan struct{})
		r.set(func(d *database) { d.hangs = hanging })
		var confirming sync.WaitGroup
		confirmed := false
		confirming.Go(func() {
			if err := r.Confirm(t.Context(), record(1)); err != nil {
				t.Error(err)
			}
			confirmed = true
		})
		pass(1_900 * time.Millisecond) // it is in the spool meanwhile, which is not enough
		if confirmed {
			t.Error("the record is said to be in the database and is not")
		}
		close(hanging)
		confirming.Wait()
		r.expect([]int{1})
	})
}

func TestConfirmDoesNotWaitForOthersToShareACommit(t *testing.T) {
	bubble(t, strict, func(t *testing.T, r *rig) {
		begin := time.Now()
		for n := range 100 {
			if err := r.Confirm(t.Context(), record(n)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("100 records took %s", took)
		}
		r.expect(from(0, 100))
	})
}

func TestInStrictModeWhatIsNotRecordedIsRefused(t *testing.T) {
	cases := map[string]func(d *database){
		"it hangs": func(d *database) { d.hangs = make(chan struct{}) },
		"it fails": func(d *database) { d.fails = errAway },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, strict, func(t *testing.T, r *rig) {
				r.set(change)
				begin := time.Now()
				err := r.Confirm(t.Context(), record(1))
				if took := time.Since(begin); !errors.Is(err, trail.ErrUnrecorded) || took != 2*time.Second {
					t.Errorf("after %s: %v", took, err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := r.Confirm(ctx, record(2)); !errors.Is(err, trail.ErrUnrecorded) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a caller without patience is told %v", err)
				}
				if took := time.Since(begin); took != 3*time.Second {
					t.Errorf("it waited %s", took-2*time.Second)
				}
				if n := r.metric("buildrelay_audit_unrecorded_total"); n != 2 {
					t.Errorf("%v are counted", n)
				}
				pass(10 * time.Second)
				begin = time.Now()
				if err := r.Confirm(t.Context(), record(3)); !errors.Is(err, trail.ErrUnrecorded) || time.Since(begin) > 0 {
					t.Errorf("while the database stays away a caller is told %v after %s", err, time.Since(begin))
				}
				r.set(func(d *database) { d.hangs, d.fails = nil, nil })
				pass(20 * time.Second)
				r.expect([]int{1, 2, 3}) // late, but not lost
				if err := r.Confirm(t.Context(), record(4)); err != nil {
					t.Errorf("when the database is back: %v", err)
				}
			})
		})
	}
}

// Who cannot be recorded at all is told at once.
func TestConfirmIsRefusedAtOnceWhereThereIsNoRoom(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.Strict, c.Spool = true, "" }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		r.note(0, 10_000)
		pass(time.Second)
		begin := time.Now()
		if err := r.Confirm(t.Context(), record(1)); !errors.Is(err, trail.ErrUnrecorded) {
			t.Errorf("it says %v", err)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("it waited %s", took)
		}
	})
}

func TestARecordThatCannotBeWrittenDownIsRefused(t *testing.T) {
	bubble(t, strict, func(t *testing.T, r *rig) {
		bad := audit.New(time.Now(), audit.ActionSignin, make(chan int))
		if err := r.Confirm(t.Context(), bad); !errors.Is(err, trail.ErrUnrecorded) {
			t.Errorf("it says %v", err)
		}
		if err := r.Keep(t.Context(), []audit.Record{record(1), bad, record(2)}); !errors.Is(err, trail.ErrUnrecorded) {
			t.Errorf("of several it says %v", err)
		}
	})
}

func TestInSpooledModeConfirmWaitsForNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.set(func(d *database) { d.hangs = make(chan struct{}) })
		begin := time.Now()
		if err := r.Confirm(t.Context(), record(1)); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("it waited %s", took)
		}
	})
}

func TestKeepWaitsForTheDatabaseOrTheSpool(t *testing.T) {
	for name, mode := range map[string]bool{"strict": true, "spooled": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *trail.Config) { c.Strict = mode }, func(t *testing.T, r *rig) {
				keep := func(numbers ...int) error {
					var records []audit.Record
					for _, n := range numbers {
						records = append(records, record(n))
					}
					return r.Keep(t.Context(), records)
				}
				if err := keep(0, 1, 2); err != nil {
					t.Error(err)
				}
				r.expect([]int{0, 1, 2})
				r.fail(errAway)
				if err := keep(3, 4, 5); err != nil {
					t.Error(err)
				}
				if lines := bytes.Count(r.spooled(), []byte("\n")); lines != 4 {
					t.Errorf("the spool has %d lines", lines)
				}
				r.fail(nil)
				pass(6 * time.Second)
				r.expect(from(0, 6))
				if err := keep(); err != nil {
					t.Errorf("of no records: %v", err)
				}
			})
		})
	}
}

func TestKeepIsNotContentWithMemory(t *testing.T) {
	bubble(t, func(c *trail.Config) { c.Spool = "" }, func(t *testing.T, r *rig) {
		r.fail(errAway)
		records := []audit.Record{record(0), record(1)}
		if err := r.Keep(t.Context(), records); !errors.Is(err, trail.ErrUnrecorded) {
			t.Errorf("it says %v", err)
		}
		r.fail(nil)
		if err := r.Keep(t.Context(), records); err != nil { // as who was refused does
			t.Error(err)
		}
		pass(10 * time.Second)
		r.expect(from(0, 2))
		if n := r.metric("buildrelay_audit_dropped_total"); n != 0 {
			t.Errorf("%v are counted as lost", n)
		}
	})
}

// All wait for one commit, or few, and all get to know.
func TestManyWhoConfirmAtOnceShareCommits(t *testing.T) {
	bubble(t, strict, func(t *testing.T, r *rig) {
		hanging := make(chan struct{})
		r.set(func(d *database) { d.hangs = hanging })
		var confirming sync.WaitGroup
		for n := range 1_000 {
			confirming.Go(func() {
				if err := r.Confirm(t.Context(), record(n)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		r.set(func(d *database) { d.hangs = nil })
		close(hanging)
		confirming.Wait()
		if got := len(r.has()); got != 1_000 || r.commits > 10 {
			t.Errorf("%d records in %d commits", got, r.commits)
		}
	})
}
