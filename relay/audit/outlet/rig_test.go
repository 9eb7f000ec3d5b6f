package outlet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/outlet"
	"buildrelay/relay/metrics"
)

const chain = "node-1"

// trail is a source in memory.
type trail struct {
	key audit.Key

	mu      sync.Mutex
	err     error // of every call
	records []audit.Stored
	cursors map[string]int64
}

func newTrail(t testing.TB) *trail {
	t.Helper()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return &trail{key: key, cursors: make(map[string]int64)}
}

// add adds so many records, some of them awkward, and returns their lines.
func (s *trail) add(t testing.TB, n int) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := audit.Link{Chain: chain}
	if len(s.records) > 0 {
		end := s.records[len(s.records)-1]
		last = audit.Link{Chain: chain, Seq: end.Seq, MAC: end.MAC}
	}
	var lines []string
	for range n {
		entry := mustEncode(t, awkward(int(last.Seq)))
		last = s.key.Next(last, entry.Line)
		s.records = append(s.records, audit.Stored{Chain: chain, Seq: last.Seq, MAC: last.MAC, Entry: entry})
		lines = append(lines, string(entry.Line))
	}
	return lines
}

func mustEncode(t testing.TB, r audit.Record) audit.Entry {
	t.Helper()
	entry, err := audit.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// awkward is a record with what parsers fall over.
func awkward(n int) audit.Record {
	names := []string{"plain", "=1+1", "two\nlines\r\n", "ünï — 漢字 🎉", "<34>1 - - [x y=\"z\"]", "\x00\x7f\ufeff", "17 <110>1 ", `\"]`}
	r := audit.New(time.Date(2026, 11, 29, 12, 0, 0, 123456789+n, time.UTC), "user.create", map[string]any{"n": n, "text": names[n%len(names)]})
	r.Actor = audit.Entity{ID: names[n%len(names)], Type: "user", Name: names[(n+1)%len(names)]}
	return r
}

func (s *trail) Chain(_ context.Context, _ string, after int64, n int) ([]audit.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	from := slices.IndexFunc(s.records, func(r audit.Stored) bool { return r.Seq > after })
	if from < 0 {
		return nil, nil
	}
	return slices.Clone(s.records[from:min(from+n, len(s.records))]), nil
}

func (s *trail) Last(context.Context, string) (audit.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.records) == 0 {
		return audit.Link{Chain: chain}, s.err
	}
	end := s.records[len(s.records)-1]
	return audit.Link{Chain: chain, Seq: end.Seq, MAC: end.MAC}, s.err
}

func (s *trail) Cursor(_ context.Context, name, _ string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[name], s.err
}

func (s *trail) SetCursor(_ context.Context, name, _ string, seq int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.cursors[name] = seq
	}
	return s.err
}

func (s *trail) do(change func(*trail)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// rig is outlets that run, and what they say.
type rig struct {
	*outlet.Outlets
	trail   *trail
	targets []outlet.Target
	metrics *metrics.Metrics
	log     *buffer
	ran     chan struct{}
	end     context.CancelFunc
}

// newRig makes outlets that do not run yet.
func newRig(t testing.TB, s *trail, out io.Writer, setting string) *rig {
	t.Helper()
	return newRigOf(t, s, s.key, s, out, setting)
}

func newRigOf(t testing.TB, source outlet.Source, key audit.Key, s *trail, out io.Writer, setting string) *rig {
	t.Helper()
	targets, err := outlet.Parse(setting)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{trail: s, targets: targets, metrics: metrics.New(prometheus.NewRegistry()), log: &buffer{}, ran: make(chan struct{})}
	r.Outlets = outlet.New(outlet.Config{
		Source: source, Chain: chain, Targets: targets, Stdout: out, Key: key,
		Metrics: r.metrics, Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	return r
}

// run runs them until the test ends, or stop is called.
func (r *rig) run(t testing.TB) *rig {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	r.end = end
	// stop waits for it.
	go func() {
		defer close(r.ran)
		r.Run(ctx)
	}()
	t.Cleanup(r.stop)
	return r
}

func (r *rig) stop() {
	r.end()
	<-r.ran
}

func (r *rig) lag(kind string) float64 {
	return testutil.ToFloat64(r.metrics.AuditOutletLag.WithLabelValues(kind))
}

func (r *rig) failed(kind string) float64 {
	return testutil.ToFloat64(r.metrics.AuditOutletFailed.WithLabelValues(kind))
}

func (r *rig) delivered(kind string) float64 {
	return testutil.ToFloat64(r.metrics.AuditDelivered.WithLabelValues(kind))
}

// buffer is what was written. Its zero value is empty.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *buffer) lines() []string {
	return slices.Collect(func(yield func(string) bool) {
		for line := range strings.Lines(b.String()) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	})
}

// split tells heads from records.
func split(t testing.TB, lines []string) (records []string, heads []audit.Head) {
	t.Helper()
	for _, line := range lines {
		var head audit.Head
		if strings.HasPrefix(line, `{"chain":`) {
			if err := json.Unmarshal([]byte(line), &head); err != nil {
				t.Fatalf("a head: %v: %s", err, line)
			}
			heads = append(heads, head)
			continue
		}
		records = append(records, line)
	}
	return records, heads
}

// expectAll says what is missing, or came out of order: each record's first coming is after
// those before it, and all that come again were there.
func expectAll(t testing.TB, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, firsts(got)); diff != "" {
		t.Errorf("what came, without what came again (-want +got):\n%s", diff)
	}
}

// firsts leaves out what came before.
func firsts(lines []string) []string {
	seen := make(map[string]bool)
	var first []string
	for _, line := range lines {
		if !seen[line] {
			first = append(first, line)
		}
		seen[line] = true
	}
	return first
}

// expectOnce also says what came twice.
func expectOnce(t testing.TB, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what came (-want +got):\n%s", diff)
	}
}

// checkHeads says which heads are not of the trail; there are to be so many.
func (s *trail) checkHeads(t testing.TB, heads []audit.Head, n int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(heads) != n {
		t.Errorf("%d heads, want %d", len(heads), n)
	}
	for _, head := range heads {
		if err := s.key.CheckHead(head); err != nil {
			t.Errorf("head %d: %v", head.Seq, err)
		}
		if want := s.records[head.Seq-1]; head.Chain != chain || !bytes.Equal(head.MAC, want.MAC) {
			t.Errorf("head %d of %s does not fit", head.Seq, head.Chain)
		}
	}
}

// times counts how often the log says something.
func (b *buffer) times(text string) int { return strings.Count(b.String(), text) }

func bucketSetting(host string) string {
	return fmt.Sprintf("s3://access:%s@%s/trail/some/prefix?tls=off", secret, host)
}

const secret = "hu/nt+er2=zQ7"

func (r *rig) cursor(target outlet.Target) int64 {
	r.trail.mu.Lock()
	defer r.trail.mu.Unlock()
	return r.trail.cursors[target.Cursor()]
}
