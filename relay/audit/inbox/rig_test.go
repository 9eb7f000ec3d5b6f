package inbox_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
	"buildrelay/relay/audit"
	"buildrelay/relay/audit/inbox"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

const (
	prefix  = "buildrelay"
	stream  = prefix + ":audit"
	refused = prefix + ":audit:refused"
)

// eachRedis runs a test with a real Redis and with the built-in one.
func eachRedis(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		test(t, relaytest.StartRedis(t).URL())
	})
	t.Run("built-in Redis", func(t *testing.T) {
		t.Parallel()
		server, err := broker.StartEmbedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		test(t, string(server.URL()))
	})
}

// sink keeps records in memory, by their ids, unless it fails.
type sink struct {
	mu    sync.Mutex
	fails func([]audit.Record) error // nil: never
	kept  map[string]audit.Record
	times map[string]int // how often each came, by id
	tries int
}

func (s *sink) Keep(_ context.Context, records []audit.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.fails != nil {
		if err := s.fails(records); err != nil {
			return err
		}
	}
	if s.kept == nil {
		s.kept, s.times = make(map[string]audit.Record), make(map[string]int)
	}
	for _, r := range records {
		s.kept[r.ID] = r
		s.times[r.ID]++
	}
	return nil
}

func (s *sink) fail(how func([]audit.Record) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.tries = how, 0
}

// tried is how often the sink was asked since it began to fail.
func (s *sink) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// all returns what was kept, by the order of targets.
func (s *sink) all() []audit.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.kept), func(a, b audit.Record) int {
		return strings.Compare(a.Target.ID+a.Action, b.Target.ID+b.Action)
	})
}

// twice returns the targets of what came more than once.
func (s *sink) twice() (targets []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range s.times {
		if n > 1 {
			targets = append(targets, s.kept[id].Target.ID)
		}
	}
	return targets
}

// node is an inbox that runs, with its log.
type node struct {
	*sink
	metrics *metrics.Metrics
	stop    func() // ends it and waits

	mu  sync.Mutex
	log bytes.Buffer
}

func (n *node) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(line)
}

// said is how often the log has the text.
func (n *node) said(text string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Count(n.log.String(), text)
}

func start(t testing.TB, url string, s *sink, changes ...func(*inbox.Config)) *node {
	t.Helper()
	servers, err := redisconn.ParseURL(auth.Secret(url), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{sink: s, metrics: metrics.New(prometheus.NewRegistry())}
	config := inbox.Config{
		Redis: servers, Prefix: prefix, Sink: s, Metrics: n.metrics, Log: slog.New(slog.NewTextHandler(n, nil)),
	}
	for _, change := range changes {
		change(&config)
	}
	box := inbox.New(config)
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })
	n.stop = func() {
		end()
		running.Wait()
		_ = servers.Close()
	}
	t.Cleanup(n.stop)
	return n
}

// idle makes what a node left lying another's soon.
func idle(d time.Duration) func(*inbox.Config) {
	return func(c *inbox.Config) { c.Idle = d }
}

// report is a record without an id, about a target.
func report(target string) string {
	return fmt.Sprintf(`{"action":"user.logged_in","actor":{"id":"u","type":"user"},"target":{"id":%q,"type":"user"}}`, target)
}

// add adds entries to the stream, each of a field record.
func add(t testing.TB, client redis.UniversalClient, records ...string) {
	t.Helper()
	for _, r := range records {
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"record", r}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// targets returns the targets of the records, but for those of refusals.
func targets(records []audit.Record) (ids []string) {
	for _, r := range records {
		if r.Action != audit.ActionAuditRefuse {
			ids = append(ids, r.Target.ID)
		}
	}
	return ids
}

// expect waits until all of the targets are kept, and no others.
func expect(t testing.TB, s *sink, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	defer func() {
		if t.Failed() {
			t.Logf("kept: %q", got)
		}
	}()
	relaytest.Eventually(t, fmt.Sprintf("the trail has %d records", len(want)), func() bool {
		got = targets(s.all())
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}

// expectEmpty waits until nothing is left of the stream, and nobody has anything in hand.
func expectEmpty(t testing.TB, client redis.UniversalClient) {
	t.Helper()
	relaytest.Eventually(t, "the stream is empty", func() bool {
		left, err := client.XLen(t.Context(), stream).Result()
		if err != nil || left > 0 {
			return false
		}
		pending, err := client.XPending(t.Context(), stream, "relay").Result()
		return err == nil && pending.Count == 0
	})
}
