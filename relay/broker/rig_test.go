package broker_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// rig is a broker, with what it told its sink and its log.
type rig struct {
	*broker.Broker
	metrics *metrics.Metrics
	told    *record
	logged  *record
	t       testing.TB
}

// newRig makes a broker that does not run yet.
func newRig(t testing.TB, url string, changes ...func(*broker.Config)) *rig {
	t.Helper()
	r := &rig{metrics: metrics.New(prometheus.NewRegistry()), told: newRecord(), logged: newRecord(), t: t}
	config := broker.Config{
		Prefix:  "buildrelay",
		Metrics: r.metrics,
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), lines{r.logged}),
			&slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, change := range changes {
		change(&config)
	}
	if config.Redis == nil {
		var err error
		if config.Redis, err = redisconn.ParseURL(auth.Secret(url), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.Broker = broker.New(config)
	return r
}

// start runs the broker until the test ends.
func (r *rig) start() *rig {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx, sink{r.told}, func() {}) })
	r.t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return r
}

// startRig returns a broker that hears Redis.
func startRig(t testing.TB, url string, changes ...func(*broker.Config)) *rig {
	t.Helper()
	r := newRig(t, url, changes...).start()
	r.waitReady()
	return r
}

func (r *rig) waitReady() {
	r.t.Helper()
	relaytest.Eventually(r.t, "the broker is ready", func() bool { return r.Ready() == nil })
}

// publish publishes through the broker.
func (r *rig) publish(appID string, events ...protocol.Event) {
	r.t.Helper()
	if _, err := r.Publish(r.t.Context(), appID, events); err != nil {
		r.t.Fatal(err)
	}
}

// expect compares what the sink is told next, as sink writes it.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	for _, w := range want {
		if got := r.told.next(r.t, w); got != w {
			r.t.Fatalf("told %q, want %q", got, w)
		}
	}
}

// expectAll compares the next things that the sink is told, in any order.
func (r *rig) expectAll(want ...string) {
	r.t.Helper()
	got := map[string]int{}
	for range want {
		got[r.told.next(r.t, strings.Join(want, ", "))]++
	}
	wanted := map[string]int{}
	for _, w := range want {
		wanted[w]++
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		r.t.Fatalf("told (-want +got):\n%s", diff)
	}
}

// expectLog waits for a line of the log with all the words.
func (r *rig) expectLog(words ...string) {
	r.t.Helper()
	for {
		line := r.logged.next(r.t, strings.Join(words, ", "))
		missing := 0
		for _, word := range words {
			if !strings.Contains(line, word) {
				missing++
			}
		}
		if missing == 0 {
			return
		}
	}
}

func (r *rig) dropped(reason string) float64 {
	return testutil.ToFloat64(r.metrics.Dropped.WithLabelValues(reason))
}

// links is how many pub/sub connections there have been.
func (r *rig) links() float64 { return testutil.ToFloat64(r.metrics.RedisLinks) }

// readCaches reads the last events of cache channels.
func (r *rig) readCaches(channels ...protocol.ChannelName) []protocol.Cached {
	r.t.Helper()
	cached, err := r.ReadCaches(r.t.Context(), channels)
	if err != nil || len(cached) != len(channels) {
		r.t.Fatalf("%d of %d cached events (%v)", len(cached), len(channels), err)
	}
	return cached
}

// sink writes down what a broker tells it: "confirmed APP CHANNEL", "refused …",
// "interrupted", "event APP CHANNEL NAME DATA" with "not to", "at", "after", "sealed", "final" and
// "with" where an event has these, "unreadable APP CHANNEL" and "withheld APP CHANNEL" with their places, "change APP CHANNEL" with the JSON of the change, and
// "cached APP CHANNEL NAME DATA".
type sink struct{ *record }

func (s sink) Deliver(appID string, e protocol.Event) {
	if e.Change != nil {
		s.add("change " + appID + " " + e.Channel + " " + string(protocol.EncodeChange(*e.Change)))
		return
	}
	if e.Cached != nil {
		s.add("cached " + appID + " " + e.Channel + " " + e.Cached.Event.Name + " " + e.Cached.Event.Data)
		return
	}
	if l := e.Link; l != nil && l.Unreadable {
		s.add("unreadable " + appID + " " + e.Channel + e.Name + e.Data + e.Exclude + " at " + l.At.String() + " after " + l.Prev.String())
		return
	}
	if l := e.Link; l != nil && l.Withheld {
		s.add("withheld " + appID + " " + e.Channel + " at " + l.At.String())
		return
	}
	text := "event " + appID + " " + e.Channel + " " + e.Name + " " + e.Data
	if e.Exclude != "" {
		text += " not to " + e.Exclude
	}
	if l := e.Link; l != nil {
		text += " at " + l.At.String() + " after " + l.Prev.String()
		if l.Sealed {
			text += " sealed"
		}
		if l.Final != nil {
			text += " final"
		}
	}
	for _, m := range e.Extra {
		text += " with " + m.Name + "=" + string(m.Value)
	}
	s.add(text)
}

func (s sink) Confirmed(appID, channel string) { s.add("confirmed " + appID + " " + channel) }
func (s sink) Refused(appID, channel string)   { s.add("refused " + appID + " " + channel) }
func (s sink) Interrupted()                    { s.add("interrupted") }

// record is a list with a reader that waits for the next entry.
type record struct {
	mu      sync.Mutex
	entries []string
	more    chan struct{}
}

func newRecord() *record { return &record{more: make(chan struct{}, 1)} }

func (r *record) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, text)
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *record) take() (text string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries) == 0 {
		return "", false
	}
	text = r.entries[0]
	r.entries = r.entries[1:]
	return text, true
}

// next takes the next entry. want is for the message of a test that fails.
func (r *record) next(t testing.TB, want string) string {
	t.Helper()
	deadline := time.After(relaytest.Patience)
	for {
		if text, ok := r.take(); ok {
			return text
		}
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("nothing came, want %s", want)
		}
	}
}

// lines is the end of a log.
type lines struct{ *record }

func (l lines) Write(line []byte) (int, error) {
	l.add(string(line))
	return len(line), nil
}
