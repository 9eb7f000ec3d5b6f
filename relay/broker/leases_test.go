package broker_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

const watchedKey = key + ":watched"

// logChannels makes all channels but "live" log channels.
func logChannels(c *broker.Config) {
	c.LogRule = func(_, channel string) *protocol.LogRule {
		if channel == "live" || protocol.KindOf(channel).Cache() {
			return nil
		}
		return &protocol.LogRule{Events: 100, Bytes: 1 << 20, Keep: time.Hour}
	}
}

// heardEdges subscribes to when logs begin and end to be watched.
func heardEdges(t *testing.T, client *redis.Client) (next func() string) {
	t.Helper()
	sub := client.PSubscribe(t.Context(), "*:watched")
	t.Cleanup(func() { _ = sub.Close() })
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
		defer cancel()
		m, err := sub.ReceiveMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return m.Channel + " " + m.Payload
	}
}

func TestALogIsWatchedWhileANodeHasAReader(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		url := "redis://" + l.client.Options().Addr
		edge := heardEdges(t, l.client)
		one, two := startRig(t, url, logChannels), startRig(t, url, logChannels)
		expect := func(want string) {
			t.Helper()
			if got := edge(); got != want {
				t.Fatalf("told %q, want %q", got, want)
			}
		}
		watched := func() bool {
			t.Helper()
			_, _, watched, err := l.append("e", "")
			if err != nil {
				t.Fatal(err)
			}
			return watched
		}
		if watched() {
			t.Error("watched by nobody")
		}
		one.Watch("1", "live")
		one.Watch("1", "a")
		expect(watchedKey + " 1")
		if !watched() {
			t.Error("not watched by one")
		}
		two.Watch("1", "a")
		two.Watch("1", "b")
		expect("buildrelay:{1:b}:watched 1")
		relaytest.Eventually(t, "two nodes watch", func() bool { return l.client.ZCard(t.Context(), watchedKey).Val() == 2 })
		one.Unwatch("1", "live")
		one.Unwatch("1", "a")
		relaytest.Eventually(t, "one node watches", func() bool { return l.client.ZCard(t.Context(), watchedKey).Val() == 1 })
		if !watched() {
			t.Error("not watched by two")
		}
		two.Unwatch("1", "a")
		expect(watchedKey + " 0")
		if watched() {
			t.Error("watched by nobody any more")
		}
		if n := l.client.Exists(t.Context(), "buildrelay:{1:live}:watched").Val(); n != 0 {
			t.Error("a live channel is watched")
		}
	})
}

func TestALeaseOfANodeThatDiedEnds(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		url := "redis://" + l.client.Options().Addr
		edge := heardEdges(t, l.client)
		l.do("ZADD", watchedKey, l.now()-1, "dead")
		r := startRig(t, url, logChannels)
		r.Watch("1", "a")
		relaytest.Eventually(t, "the node watches instead", func() bool {
			members := l.client.ZRange(t.Context(), watchedKey, 0, -1).Val()
			return len(members) == 1 && members[0] != "dead"
		})
		if ttl := l.client.TTL(t.Context(), watchedKey).Val(); ttl <= 0 || ttl > 30*time.Second {
			t.Errorf("the key lives for %s, want at most 30s", ttl)
		}
		r.Unwatch("1", "a")
		if got := edge(); got != watchedKey+" 0" {
			t.Errorf("told %q", got)
		}
	})
}

func TestANodeThatStopsWatchesNothing(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := newRig(t, server.URL(), logChannels)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx, sink{r.told}, func() {}) })
	channels := []string{"a", "b", "c"}
	for _, channel := range channels {
		r.Watch("1", channel)
	}
	count := func() int { return len(server.Client().Keys(t.Context(), "*:watched").Val()) }
	relaytest.Eventually(t, "all are watched", func() bool { return count() == len(channels) })
	stop()
	running.Wait()
	if n := count(); n != 0 {
		t.Errorf("%d logs are watched by nobody", n)
	}
}

// The leases survive that Redis is away, loses them, forgets the script, or holds
// something else in their place; and Watch never waits for it.
func TestLeasesComeBack(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	server.Stop()
	r := newRig(t, server.URL(), logChannels).start()
	r.Watch("1", "a")
	r.Watch("1", "b")
	r.Unwatch("1", "b")
	r.expectLog("level=WARN", "which logs are watched", "refused")
	server.Restart()
	exists := func(channel string) func() bool {
		return func() bool {
			return server.Client().ZCard(t.Context(), "buildrelay:{1:"+channel+"}:watched").Val() == 1
		}
	}
	relaytest.Eventually(t, "a is watched", exists("a"))
	server.Restart()
	relaytest.Eventually(t, "a is watched again", exists("a"))
	if exists("b")() {
		t.Error("b is watched")
	}
	if err := server.Client().ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	server.Client().Set(t.Context(), "buildrelay:{1:c}:watched", "a stranger's", 0)
	r.Watch("1", "c")
	relaytest.Eventually(t, "c is watched", exists("c"))
}

// A node that may not write goes on without leases, and says so once.
func TestANodeThatMayNotWriteHearsWithoutLeases(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:*"))
	r := startRig(t, server.URLFor("relay", "hunter2"), logChannels)
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	r.expectLog("level=WARN", "which logs are watched", "NOPERM")
	r.Unwatch("1", "a")
	r.Watch("1", "b")
	r.expect("confirmed 1 b")
	if r.links() != 1 {
		t.Errorf("%v links, want 1", r.links())
	}
}

func TestManyLeasesAreToldTogether(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := newRig(t, server.URL(), logChannels)
	var want []string
	for i := range 1200 {
		channel := "c" + numbers(1, 1200)[i]
		r.Watch("1", channel)
		want = append(want, "buildrelay:{1:"+channel+"}:watched")
	}
	r.start()
	keys := func() []string { return server.Client().Keys(t.Context(), "*:watched").Val() }
	relaytest.Eventually(t, "all are watched", func() bool { return len(keys()) == len(want) })
	got := keys()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Error("other logs are watched than asked for")
	}
}
