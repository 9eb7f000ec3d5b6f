package trail_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
)

// What a record costs whoever notes it.
func BenchmarkNote(b *testing.B) {
	r := newRig(b, b.TempDir(), nil)
	rec := record(1)
	const many = 5_000
	room, n := r.Drain(nil), 0
	b.ReportAllocs()
	for b.Loop() {
		r.Note(rec)
		if n++; n%many == 0 {
			room = r.Drain(room)
		}
	}
	if lost := r.metric("buildrelay_audit_dropped_total"); lost > 0 {
		b.Errorf("%v were dropped", lost)
	}
}

// What a record costs that there is no room for, and a refusal that is only counted.
func BenchmarkNoteWithoutRoom(b *testing.B) {
	r := newRig(b, b.TempDir(), nil)
	rec := record(1)
	r.note(0, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		r.Note(rec)
	}
}

func BenchmarkRefused(b *testing.B) {
	r := newRig(b, b.TempDir(), nil)
	rec := refusal("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		r.Refused(rec, "app", "192.0.2.1")
	}
}

// progress is how far a trail's commits are.
type progress struct {
	records, commits atomic.Int64
	more             chan struct{} // capacity 1
}

func (p *progress) changed(head audit.Head) {
	p.records.Store(head.Seq)
	p.commits.Add(1)
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// await waits until so many records are in the database.
func (p *progress) await(records int64) {
	for p.records.Load() < records {
		<-p.more
	}
}

func benchmarked(b *testing.B, strict bool) (*trail.Trail, *progress) {
	b.Helper()
	folder := b.TempDir()
	makeKey(b, folder)
	p := &progress{more: make(chan struct{}, 1)}
	t, db, err := openTrail(folder, nil, func(c *trail.Config) { c.Changed, c.Strict = p.changed, strict })
	if err != nil {
		b.Fatal(err)
	}
	stop := runTrail(b, t)
	b.Cleanup(func() {
		stop()
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	t.Note(record(0))
	p.await(1) // the tables are made
	return t, p
}

// Records per second in commits that are on the disk, from one who notes, and is never more
// than half of what memory holds ahead.
func BenchmarkTrail(b *testing.B) {
	t, p := benchmarked(b, false)
	const ahead = 5_000
	rec := record(1)
	begin, noted, commits := time.Now(), p.records.Load(), p.commits.Load()
	b.ReportAllocs()
	for b.Loop() {
		rec.ID = audit.NewID()
		t.Note(rec)
		if noted++; noted%ahead == 0 {
			p.await(noted - ahead/2)
		}
	}
	p.await(noted)
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "records/s")
	b.ReportMetric(float64(b.N)/float64(p.commits.Load()-commits), "records/commit")
}

// Records per second, and how long one takes, of a hundred who each wait until theirs is on
// the disk.
func BenchmarkConfirm(b *testing.B) {
	t, p := benchmarked(b, true)
	const who = 100
	begin, commits := time.Now(), p.commits.Load()
	var next atomic.Int64
	times := make([]time.Duration, b.N)
	var confirming sync.WaitGroup
	b.ResetTimer()
	for range who {
		confirming.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				from := time.Now()
				if err := t.Confirm(b.Context(), record(int(n))); err != nil {
					b.Error(err)
				}
				times[n-1] = time.Since(from)
			}
		})
	}
	confirming.Wait()
	took := time.Since(begin)
	slices.Sort(times)
	b.ReportMetric(float64(b.N)/took.Seconds(), "records/s")
	b.ReportMetric(float64(b.N)/float64(p.commits.Load()-commits), "records/commit")
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1e3, "ms-p50")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1e3, "ms-p99")
}
