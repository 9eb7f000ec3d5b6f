package roster_test

import (
	"context"
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
	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

const prefix = "buildrelay"

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

// node is a roster, with what it told its sink.
type node struct {
	*roster.Roster
	metrics *metrics.Metrics
	told    *record
	t       testing.TB
	stop    func() // ends it and waits
}

// newNode makes a roster that does not run yet. All presence and user channels are told,
// and the channels whose names begin with "counted".
func newNode(t testing.TB, url string, changes ...func(*roster.Config)) *node {
	t.Helper()
	n := &node{metrics: metrics.New(prometheus.NewRegistry()), told: newRecord(), t: t}
	config := roster.Config{
		Prefix: prefix,
		Tells: func(_, channel string) bool {
			kind := protocol.KindOf(channel)
			return kind.Presence() || kind == protocol.User || strings.HasPrefix(channel, "counted")
		},
		Metrics: n.metrics,
		Log:     slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), n.told.logged), nil)),
	}
	for _, change := range changes {
		change(&config)
	}
	var err error
	if config.Redis, err = redisconn.ParseURL(auth.Secret(url), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = config.Redis.Close() })
	n.Roster = roster.New(config)
	return n
}

// start runs the roster until the test ends, or stop is called.
func (n *node) start() *node {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx, n.told) })
	n.stop = func() {
		cancel()
		running.Wait()
	}
	n.t.Cleanup(n.stop)
	return n
}

func startNode(t testing.TB, url string, changes ...func(*roster.Config)) *node {
	t.Helper()
	return newNode(t, url, changes...).start()
}

// quick makes leases short.
func quick(c *roster.Config) {
	c.Lease, c.Refresh, c.Sweep = 3*time.Second, 400*time.Millisecond, 200*time.Millisecond
}

func (n *node) enter(channel, user string) {
	n.Enter("1", channel, protocol.Member{ID: user, Info: `{"name":"` + user + `"}`}, 0)
}

// roll asks for a roll and returns it as text, such as "a b count 2".
func (n *node) roll(channel string) string {
	n.t.Helper()
	return rollText(n.ask(channel))
}

// ask asks for a roll and returns the next that comes.
func (n *node) ask(channel string) protocol.Roll {
	n.t.Helper()
	n.Ask("1", channel, protocol.Version{})
	return n.told.nextRoll(n.t, channel)
}

func rollText(roll protocol.Roll) string {
	var ids []string
	for _, m := range roll.Members {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	text := strings.Join(ids, " ")
	if roll.Count > 0 {
		text = strings.TrimSpace(fmt.Sprint(text, " count ", roll.Count))
	}
	if roll.Ended > 0 {
		text = strings.TrimSpace(text + " ended")
	}
	if !roll.Settled {
		text += " unsettled"
	}
	return text
}

// record is what a sink is told.
type record struct {
	logged *lines
	rolled func(channel string, roll protocol.Roll) // where set, takes the rolls

	mu    sync.Mutex
	rolls map[string][]protocol.Roll // by channel
	full  []string
	more  chan struct{}
}

func newRecord() *record {
	return &record{logged: &lines{}, rolls: make(map[string][]protocol.Roll), more: make(chan struct{}, 1)}
}

func (r *record) Rolled(appID, channel string, roll protocol.Roll) {
	if r.rolled != nil {
		r.rolled(channel, roll)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rolls[channel] = append(r.rolls[channel], roll)
	r.signal()
}

func (r *record) Full(appID, channel, userID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = append(r.full, channel+" "+userID)
	r.signal()
}

func (r *record) signal() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// next waits until take returns true. It is called with mu.
func (r *record) next(t testing.TB, want string, take func() bool) {
	t.Helper()
	deadline := time.After(relaytest.Patience)
	for {
		r.mu.Lock()
		ok := take()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("nothing came, want %s", want)
		}
	}
}

func (r *record) nextRoll(t testing.TB, channel string) (roll protocol.Roll) {
	t.Helper()
	r.next(t, "the roll of "+channel, func() bool {
		if len(r.rolls[channel]) == 0 {
			return false
		}
		roll = r.rolls[channel][0]
		r.rolls[channel] = r.rolls[channel][1:]
		return true
	})
	return roll
}

func (r *record) nextFull(t testing.TB) (full string) {
	t.Helper()
	r.next(t, "that a channel is full", func() bool {
		if len(r.full) == 0 {
			return false
		}
		full, r.full = r.full[0], r.full[1:]
		return true
	})
	return full
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// listener hears the changes of some channels, as a broker does.
type listener struct {
	t      testing.TB
	pubsub *redis.PubSub
}

func listen(t testing.TB, client *redis.Client, channels ...string) *listener {
	t.Helper()
	var topics []string
	for _, channel := range channels {
		topics = append(topics, protocol.RosterTopic(prefix, "1", channel))
	}
	l := &listener{t, client.Subscribe(t.Context(), topics...)}
	t.Cleanup(func() { _ = l.pubsub.Close() })
	for range topics {
		if _, err := l.pubsub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// next returns the next change.
func (l *listener) next() protocol.Change {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), relaytest.Patience)
	defer cancel()
	m, err := l.pubsub.ReceiveMessage(ctx)
	if err != nil {
		l.t.Fatalf("no change was told: %v", err)
	}
	c, err := protocol.ParseChange([]byte(m.Payload))
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// expect compares the next changes.
func (l *listener) expect(want ...string) {
	l.t.Helper()
	for _, w := range want {
		if got := changeText(l.next()); got != w {
			l.t.Fatalf("told %q, want %q", got, w)
		}
	}
}

// expectAll compares the next changes, in any order.
func (l *listener) expectAll(want ...string) {
	l.t.Helper()
	var got []string
	for range want {
		got = append(got, changeText(l.next()))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Fatalf("told (-want +got):\n%s", diff)
	}
}

func changeText(c protocol.Change) string {
	switch {
	case c.Joined != nil:
		return "+" + c.Joined.ID
	case c.Left != "":
		return "-" + c.Left
	case c.Ended:
		return "end"
	default:
		return fmt.Sprint("count ", c.Count)
	}
}
