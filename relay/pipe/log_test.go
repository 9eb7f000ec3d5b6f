package pipe

import (
	"bytes"
	"context"
	"crypto/sha1" // the chain's digest
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/api"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

const logChannel = "private-build-1"

// way is a way to the log of a build in a real Redis.
type way struct {
	redis     *relaytest.Redis
	direct    *broker.Broker
	link      *faults.ToxicLink // what the publisher goes through
	publisher Publisher
	answered  atomic.Int64 // events that the publisher had an answer for
}

// Publish counts what is answered.
func (w *way) Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error) {
	receipt, err := w.publisher.Publish(ctx, appID, events)
	w.answered.Add(int64(len(receipt.Positions)))
	return receipt, err
}

// eachWay runs a test by Redis and by HTTP.
func eachWay(t *testing.T, test func(t *testing.T, w *way)) {
	t.Run("Redis", func(t *testing.T) {
		w := newWay(t)
		w.link = faults.StartToxicLink(t, w.redis.Address())
		w.publisher = newBroker(t, "redis://"+w.link.Address())
		test(t, w)
	})
	t.Run("HTTP", func(t *testing.T) {
		w := newWay(t)
		key := auth.Key{Key: "k", Secret: testSecret}
		apps, err := auth.NewApps(auth.App{ID: "app", Keys: []auth.Key{key}})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(&api.API{
			Apps: apps, Publisher: w.direct, Metrics: metrics.New(prometheus.NewRegistry()),
			Log: slog.New(slog.DiscardHandler), Now: time.Now,
		})
		t.Cleanup(server.Close)
		w.link = faults.StartToxicLink(t, strings.TrimPrefix(server.URL, "http://"))
		h, err := NewHTTP(HTTPConfig{URL: "http://" + w.link.Address(), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.client.CloseIdle)
		w.publisher = h
		test(t, w)
	})
}

func newWay(t *testing.T) *way {
	t.Helper()
	w := &way{redis: relaytest.StartRedis(t)}
	w.direct = newBroker(t, w.redis.URL())
	return w
}

func newBroker(t *testing.T, url string) *broker.Broker {
	t.Helper()
	options, err := redisconn.ParseURL(auth.Secret(url), nil)
	if err != nil {
		t.Fatal(err)
	}
	rule := protocol.LogRule{Events: 1 << 20, Bytes: 1 << 30, Keep: time.Hour}
	return broker.New(broker.Config{
		Redis: options, Prefix: "buildrelay", Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
		LogRule: func(string, string) *protocol.LogRule { return &rule },
	})
}

// logged is a build that a test types the output of.
type logged struct {
	*io.PipeWriter
	t      *testing.T
	way    *way
	result chan error
}

func (w *way) start(t *testing.T, log *slog.Logger) *logged {
	t.Helper()
	r, stdin := io.Pipe()
	b := &logged{stdin, t, w, make(chan error, 1)}
	// end waits for it.
	go func() {
		_, err := Run(t.Context(), Config{
			AppID: "app", Channel: logChannel, Publisher: w, Stdin: r,
			Interval: 10 * time.Millisecond, IdleInterval: 10 * time.Millisecond, FlushWait: relaytest.Patience, Log: log,
		})
		b.result <- err
	}()
	return b
}

// print prints and waits until it stands in the log.
func (b *logged) print(text string) {
	b.t.Helper()
	b.put(text)
	b.way.await(b.t, strconv.Quote(text), func(l log) bool { return strings.HasSuffix(l.text, text) })
}

func (b *logged) put(text string) {
	b.t.Helper()
	if _, err := io.WriteString(b, text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *logged) end() error {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	return <-b.result
}

// read returns the whole log.
func (w *way) read(t *testing.T) (all protocol.Page, err error) {
	t.Helper()
	all, err = w.direct.ReadLog(t.Context(), "app", logChannel, protocol.Start{Kind: protocol.StartFirst})
	for more := all; err == nil && more.More; {
		more, err = w.direct.ReadLog(t.Context(), "app", logChannel, protocol.Start{Kind: protocol.StartSince, Since: more.End})
		all.Entries = append(all.Entries, more.Entries...)
	}
	return all, err
}

// await reads the log until it is as it should be; Redis may be away meanwhile.
func (w *way) await(t *testing.T, what string, done func(log) bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(relaytest.Patience); ; {
		if page, err := w.read(t); err == nil && done(readLog(t, page.Entries)) {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("the log never has %s", what)
		}
	}
}

// check checks that the log holds one build, complete, with this output, and proves it.
func (w *way) check(t *testing.T, output string) {
	t.Helper()
	page, err := w.read(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := readLog(t, page.Entries); got.text != output || got.finished == nil || !page.Closed {
		t.Fatalf("closed %t, finished %v, output %q", page.Closed, got.finished, got.text)
	}
	digest := page.Top.Epoch
	for i, e := range page.Entries {
		sum := sha1.Sum(fmt.Appendf(nil, "%s %d %d %s%s", digest, i+1, len(e.Name), e.Name, e.Data))
		digest = hex.EncodeToString(sum[:])
	}
	f := page.Entries[len(page.Entries)-1].Link.Final
	if f == nil || f.Digest != digest || f.Entries != int64(len(page.Entries)) || *f.Bytes != int64(len(output)) || *f.Lines != int64(strings.Count(output, "\n")) {
		t.Errorf("final %+v over %d entries with the digest %s", f, len(page.Entries), digest)
	}
}

// lines are so many, numbered from a number on.
func lines(from, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "line %d\n", from+i)
	}
	return text.String()
}

func TestARedisThatForgotTheLogIsGivenTheWholeBuildAgain(t *testing.T) {
	eachWay(t, func(t *testing.T, w *way) {
		b := w.start(t, nil)
		var all string
		for i := range 3 {
			for j := range 10 {
				text := lines(100*i+10*j, 10)
				b.print(text)
				all += text
			}
			w.redis.Restart()
		}
		if err := b.end(); err != nil {
			t.Error(err)
		}
		w.check(t, all)
	})
}

// The event is in the log, but its answer does not come: it is published again.
func TestAnEventWhoseAnswerIsLostStandsInTheLogOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, w *way) {
		b := w.start(t, nil)
		b.print("before\n")
		w.await(t, "before, answered", func(l log) bool { return w.answered.Load() == int64(1+len(l.outputs)) })
		w.link.Poison("timeout", map[string]int{"timeout": 0})
		b.print("unanswered\n")
		w.link.Heal()
		b.print("after\n")
		if err := b.end(); err != nil {
			t.Error(err)
		}
		w.check(t, "before\nunanswered\nafter\n")
	})
}

func TestASlowLinkDoublesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, w *way) {
		b := w.start(t, nil)
		b.print("before\n")
		w.link.Poison("latency", map[string]int{"latency": 400, "jitter": 300})
		all := "before\n"
		for i := range 5 {
			text := lines(10*i, 10)
			b.print(text)
			all += text
		}
		if err := b.end(); err != nil {
			t.Error(err)
		}
		w.check(t, all)
	})
}

func TestALogThatSomebodyElseClosedTakesNothingMore(t *testing.T) {
	eachWay(t, func(t *testing.T, w *way) {
		b := w.start(t, nil)
		b.print("before\n")
		_, err := w.direct.Publish(t.Context(), "app", []protocol.Event{{
			Name: "their:end", Channel: logChannel, Append: &protocol.Append{Final: &protocol.Final{}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		b.put("after\n")
		if err := b.end(); !errors.Is(err, protocol.ErrLogClosed) || !strings.Contains(err.Error(), "6 of 13 bytes of output were not published") {
			t.Errorf("got %v", err)
		}
	})
}

func TestANewBuildTakesThePlaceOfOneThatHasEnded(t *testing.T) {
	eachWay(t, func(t *testing.T, w *way) {
		for i := range 2 {
			b := w.start(t, nil)
			text := lines(100*i, 10)
			b.put(text)
			if err := b.end(); err != nil {
				t.Error(err)
			}
			w.check(t, text)
		}
	})
}

// The log has a hole then that nobody can fill: what comes next stands in it already.
// Readers see it by the seq, whoever runs the build is told.
func TestARedisThatWentBackIsTold(t *testing.T) {
	eachWay(t, func(t *testing.T, w *way) {
		var told bytes.Buffer
		b := w.start(t, slog.New(slog.NewTextHandler(&told, nil)))
		b.print("before\n")
		const key = "buildrelay:{app:" + logChannel + "}"
		client := w.redis.Client()
		for _, name := range []string{key, key + ":meta"} {
			if err := client.Copy(t.Context(), name, name+":old", 0, false).Err(); err != nil {
				t.Fatal(err)
			}
		}
		b.print("forgotten\n")
		for _, name := range []string{key, key + ":meta"} {
			if err := client.Rename(t.Context(), name+":old", name).Err(); err != nil {
				t.Fatal(err)
			}
		}
		b.put("after\n")
		if err := b.end(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(told.String(), "level=ERROR"); n != 1 || !strings.Contains(told.String(), "older state") {
			t.Errorf("told:\n%s", told.String())
		}
	})
}
