package roster_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

// taker is an outbox, with what was taken from it and not looked at.
type taker struct {
	*roster.Outbox
	metrics *metrics.Metrics
	t       testing.TB
	got     []protocol.Occurrence
}

func newTaker(t testing.TB, url string, lease time.Duration) *taker {
	t.Helper()
	servers, err := redisconn.ParseURL(auth.Secret(url), nil)
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{metrics: metrics.New(prometheus.NewRegistry()), t: t}
	k.Outbox = roster.NewOutbox(roster.OutboxConfig{
		Redis: servers, Prefix: prefix, Metrics: k.metrics, Lease: lease,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	t.Cleanup(func() {
		_ = k.Close()
		_ = servers.Close()
	})
	return k
}

// poll polls once and returns what was lost.
func (k *taker) poll() []int {
	k.t.Helper()
	taken, lost, err := k.Poll(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	k.got = append(k.got, taken...)
	return lost
}

// take polls until so many were taken, and returns them all.
func (k *taker) take(n int) []protocol.Occurrence {
	k.t.Helper()
	deadline := time.Now().Add(relaytest.Patience)
	for k.poll(); len(k.got) < n; k.poll() {
		if time.Now().After(deadline) {
			k.t.Fatalf("taken %q, want %d", texts(k.got), n)
		}
	}
	got := k.got
	k.got = nil
	return got
}

// expect compares what is taken next.
func (k *taker) expect(want ...string) []protocol.Occurrence {
	k.t.Helper()
	got := k.take(len(want))
	if diff := cmp.Diff(want, texts(got)); diff != "" {
		k.t.Fatalf("taken (-want +got):\n%s", diff)
	}
	return got
}

// standing returns which of the occurrences stand.
func (k *taker) standing(due []protocol.Occurrence) []protocol.Occurrence {
	k.t.Helper()
	standing, err := k.Standing(k.t.Context(), due)
	if err != nil {
		k.t.Fatal(err)
	}
	return standing
}

func (k *taker) done(all []protocol.Occurrence) {
	k.t.Helper()
	if err := k.Done(k.t.Context(), all); err != nil {
		k.t.Fatal(err)
	}
}

func (k *taker) lost() float64 { return testutil.ToFloat64(k.metrics.HooksLost) }

func texts(all []protocol.Occurrence) []string {
	list := make([]string, 0, len(all))
	for _, o := range all {
		list = append(list, strings.Join(strings.Fields(strings.Join([]string{o.Kind, o.Channel, o.UserID, o.Event, o.Data}, " ")), " "))
	}
	return list
}

// clientEvent is one of app 1, of a member of a presence channel.
func clientEvent(channel, event, data string) protocol.Occurrence {
	o := protocol.Occurrence{
		App: "1", Kind: protocol.HookClientEvent, Channel: channel, Event: event, Data: data, SocketID: "1.2",
	}
	if protocol.KindOf(channel).Presence() {
		o.UserID = "u"
	}
	return o
}

func cacheMiss(channel string) protocol.Occurrence {
	return protocol.Occurrence{App: "1", Kind: protocol.HookCacheMiss, Channel: channel}
}

// want is a change of a roster's configuration: webhooks of app 1 are told these kinds.
func want(kinds ...string) func(*roster.Config) {
	return func(c *roster.Config) {
		c.Outbox = func(appID, hook string) bool {
			for _, kind := range kinds {
				if kind == hook && appID == "1" {
					return true
				}
			}
			return false
		}
	}
}
