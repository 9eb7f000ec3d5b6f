package trail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/metrics"
)

const chain = "node-1"

var errAway = errors.New("disk I/O error")

// database is a store that does what a test wants. It keeps entries in memory, each once, as
// the real one does.
type database struct {
	t   testing.TB
	key audit.Key

	mu      sync.Mutex
	entries []audit.Entry
	known   map[string]bool
	link    audit.Link
	commits int
	fails   error         // what Append returns; nil: it works
	unsure  bool          // it has committed all the same
	works   int           // so many commits work although it fails
	hangs   chan struct{} // Append waits until it is closed; nil: it does not wait
	purge   func(before time.Time) (audit.AuditPurge, error)
}

func (d *database) Append(ctx context.Context, name string, entries []audit.Entry) (audit.Head, error) {
	d.mu.Lock()
	hangs := d.hangs
	d.mu.Unlock()
	if hangs != nil {
		select {
		case <-hangs:
		case <-ctx.Done():
			return audit.Head{}, ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.works--
	if d.fails != nil && !d.unsure && d.works < 0 {
		return audit.Head{}, d.fails
	}
	d.link.Chain = name
	for _, e := range entries {
		if d.known[e.ID] {
			continue
		}
		d.known[e.ID] = true
		d.link = d.key.Next(d.link, e.Line)
		d.entries = append(d.entries, e)
	}
	d.commits++
	if d.works >= 0 {
		return d.key.Sign(d.link, time.Now()), nil
	}
	return d.key.Sign(d.link, time.Now()), d.fails
}

func (d *database) Purge(_ context.Context, before time.Time) (audit.AuditPurge, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.purge(before)
}

// set changes what the database does.
func (d *database) set(change func(d *database)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// fail makes commits fail; with nil they work.
func (d *database) fail(err error) {
	d.set(func(d *database) { d.fails, d.unsure, d.works = err, false, 0 })
}

// has are the entries that the database has.
func (d *database) has() []audit.Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.entries)
}

// rig is a trail whose database is the test's.
type rig struct {
	*trail.Trail
	*database
	t        testing.TB
	config   trail.Config
	registry *prometheus.Registry
	log      *logged
	stop     func() // ends Run and waits for it
}

// newRig does not run the trail; its spool and its heads are in folder.
func newRig(t testing.TB, folder string, change func(*trail.Config)) *rig {
	t.Helper()
	key, err := audit.ParseKey(fmt.Sprintf("%064d", 7))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, database: &database{t: t, key: key, known: make(map[string]bool)},
		registry: prometheus.NewRegistry(), log: new(logged), stop: func() {},
	}
	r.config = trail.Config{
		Store: r.database, Chain: chain, Key: key, Metrics: metrics.New(r.registry), SpoolBytes: 64 << 20,
		Spool: filepath.Join(folder, "audit.spool"), Heads: filepath.Join(folder, "audit.heads"),
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	if change != nil {
		change(&r.config)
	}
	r.Trail = trail.New(r.config)
	return r
}

// run runs the trail until the test ends, or stop is called.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	r.stop = func() {
		cancel()
		running.Wait()
	}
	r.t.Cleanup(r.stop)
}

// again is another process with the same files and the same database.
func (r *rig) again() *rig {
	r.t.Helper()
	r.stop()
	other := newRig(r.t, filepath.Dir(r.config.Spool), func(c *trail.Config) {
		c.Spool, c.Heads, c.SpoolBytes, c.Strict, c.Store = r.config.Spool, r.config.Heads, r.config.SpoolBytes, r.config.Strict, r.database
	})
	other.database = r.database
	return other
}

// bubble runs a test in simulated time, with a trail that runs.
func bubble(t *testing.T, change func(*trail.Config), test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, folder, change)
		r.run()
		test(t, r)
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// record is the nth that somebody notes.
func record(n int) audit.Record {
	r := audit.New(time.Now(), audit.ActionSubscriptionGrant, audit.SubscriptionGrant{Channel: fmt.Sprint("private-", n), SocketID: "1.2"})
	r.Actor, r.Target = audit.Entity{ID: "u1", Type: "user"}, audit.Entity{ID: fmt.Sprint(n), Type: "channel"}
	return r
}

// note notes the records of some numbers.
func (r *rig) note(from, to int) {
	for n := from; n < to; n++ {
		r.Note(record(n))
	}
}

// expect says which numbers the database must have, in this order, beside records of the
// trail's own.
func (r *rig) expect(numbers []int) {
	r.t.Helper()
	var got []int
	for _, e := range r.has() {
		if e.Action != audit.ActionSubscriptionGrant {
			continue
		}
		n, err := strconv.Atoi(e.Target)
		if err != nil {
			r.t.Fatal(err)
		}
		got = append(got, n)
	}
	if len(got) != len(numbers) {
		r.t.Fatalf("%d records, want %d", len(got), len(numbers))
	}
	for i, n := range got {
		if n != numbers[i] {
			r.t.Fatalf("record %d is number %d, want %d", i, n, numbers[i])
		}
	}
}

// gaps are what the trail tells it lost.
func (r *rig) gaps() []audit.AuditGap {
	r.t.Helper()
	var gaps []audit.AuditGap
	for _, e := range r.has() {
		if e.Action != audit.ActionAuditGap {
			continue
		}
		rec, err := audit.Decode(e.Line)
		if err != nil {
			r.t.Fatal(err)
		}
		if e.Target != chain {
			r.t.Errorf("the gap is of %s", e.Target)
		}
		gaps = append(gaps, gapOf(r.t, rec))
	}
	return gaps
}

func gapOf(t testing.TB, r audit.Record) (gap audit.AuditGap) {
	t.Helper()
	if err := json.Unmarshal(r.Payload.(json.RawMessage), &gap); err != nil {
		t.Fatal(err)
	}
	return gap
}

// metric is the value of a metric, the sum over its labels.
func (r *rig) metric(name string) (sum float64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
		return sum
	}
	return 0 // no value yet
}

// spooled is the text of the spool.
func (r *rig) spooled() []byte {
	r.t.Helper()
	text, err := os.ReadFile(r.config.Spool)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

// from returns the numbers from one to another, which is not one of them.
func from(first, behind int) []int {
	numbers := make([]int, 0, behind-first)
	for n := first; n < behind; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// logged is what a log says.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.text.Bytes(), []byte(words))
}
