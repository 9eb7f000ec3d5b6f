package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// withID is an event with an id.
func withID(channel, id, data string) protocol.Event {
	return protocol.Event{Name: "e", Channel: channel, Data: data, ID: id}
}

func (r *rig) repeats() float64 { return testutil.ToFloat64(r.metrics.Repeats.WithLabelValues("1")) }

// Who does not know whether an event was published publishes it again.
func TestAnEventWithAnIDIsPublishedOnce(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		r.Watch("1", "live")
		r.expect("confirmed 1 live")
		for range 3 {
			r.publish("1", withID("live", "7", "1"), withID("cache-a", "7", "2"))
		}
		r.publish("1", withID("live", "8", "3"), event("live", "4"), event("cache-a", "5"))
		r.publish("2", withID("live", "7", "of another app"))
		r.expect("event 1 live e 1", "event 1 cache-a e 2", "event 1 live e 3", "event 1 live e 4", "event 1 cache-a e 5")
		r.publish("1", withID("cache-a", "7", "2")) // is the last one no more
		r.expectCached("5")
		if n := r.repeats(); n != 5 {
			t.Errorf("%v repeats are counted, want 5", n)
		}
		for _, key := range []string{"buildrelay:{1:live}:once:7", "buildrelay:{1:cache-a}:once:7", "buildrelay:{2:live}:once:7"} {
			if ttl := r.client.PTTL(t.Context(), key).Val(); ttl <= 4*time.Minute || ttl > 5*time.Minute {
				t.Errorf("%s is known for %s", key, ttl)
			}
		}
	})
}

func TestTheLastEventOfACacheChannelIsKeptWhereItHasAnID(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		r.publish("1", withID("cache-a", "1", "1"), withID("cache-a", "2", "2"), withID("cache-a", "1", "3"))
		r.expect("event 1 cache-a e 1", "event 1 cache-a e 2")
		r.expectCached("2")
	})
}

// What is with and what is without an id stays in order, though Redis has forgotten all
// scripts.
func TestACallStaysInOrderWhereSomeEventsHaveIDs(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		r.Watch("1", "live")
		r.expect("confirmed 1 live")
		for round := range 3 {
			if err := r.client.ScriptFlush(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			id := func(n int) string { return fmt.Sprint(round, "-", n) }
			r.publish("1",
				event("live", "1"), withID("live", id(1), "2"), event("live", "3"), event("live", "4"), withID("live", id(2), "5"),
				withID("live", id(1), "again"), event("live", "6"), withID("cache-a", id(1), "7"), event("live", "8"),
				event("a", "in its log"))
			for n := 1; n <= 6; n++ {
				r.expect(fmt.Sprint("event 1 live e ", n))
			}
			r.expect("event 1 cache-a e 7", "event 1 live e 8")
		}
		if page, err := r.ReadLog(t.Context(), "1", "a", first); err != nil || len(page.Entries) != 3 {
			t.Errorf("in the log: %+v (%v)", page.Entries, err)
		}
	})
}

// Who is told of a failure publishes again: it must not be taken for a repeat.
func TestAnEventThatRedisRefusedIsNoRepeat(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, user("node", nodeRights))
	r := newCacheRig(t, server.URL())
	weak := newRig(t, server.URLFor("node", "hunter2"))
	for refusal, pardon := range map[string]string{"-publish": "+publish", "-set": "+set", "-evalsha": "+evalsha"} {
		admin := func(rule string) {
			t.Helper()
			if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "node", rule).Err(); err != nil {
				t.Fatal(err)
			}
		}
		admin(refusal)
		if _, err := weak.Publish(t.Context(), "1", []protocol.Event{withID("cache-a", refusal, refusal)}); err == nil {
			t.Errorf("%s: published", refusal)
		}
		admin(pardon)
		weak.publish("1", withID("cache-a", refusal, refusal))
		r.expect("event 1 cache-a e " + refusal)
		r.expectCached(refusal)
	}
}

func TestRepeatsInALogAreCounted(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		for range 3 {
			l.publish("1", withID("a", "7", "1"), withID("b", "7", "1"))
		}
		if n := l.repeats(); n != 4 {
			t.Errorf("%v repeats are counted, want 4", n)
		}
	})
}

func TestAnEventForSlangerIsPublishedOnce(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), slanger(false))
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	r.publish("1", withID("a", "7", "1"), withID("a", "7", "2"), event("a", "3"))
	r.expect("event 1 a e 1", "event 1 a e 3")
}

func TestAKeyIsTiedToOneDigest(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		claim := func(app, key, digest string, want bool) {
			t.Helper()
			same, err := l.Claim(t.Context(), app, key, digest)
			if err != nil || same != want {
				t.Errorf("%s %q %s: %v, %v", app, key, digest, same, err)
			}
		}
		const odd = `a}:{b "*\`
		for _, key := range []string{"k", odd, strings.Repeat("k", 128)} {
			claim("1", key, "x", true)
			claim("1", key, "x", true)
			claim("1", key, "y", false)
			claim("2", key, "y", true)
			claim("1", key, "x", true)
		}
		if ttl := l.client.PTTL(t.Context(), "buildrelay:{1}:call:"+odd).Val(); ttl <= 5*time.Minute || ttl > 6*time.Minute {
			t.Errorf("known for %s", ttl)
		}
		l.client.RPush(t.Context(), "buildrelay:{1}:call:foreign", "x")
		claim("1", "foreign", "x", false)
	})
}

// An event is known for minutes since it was published, by the last call that was tried
// again. Its key is known for longer, or another call would be taken, and its events
// for repeats.
func TestAKeyIsTiedForAsLongAsItsEventsAreKnown(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		const key = "buildrelay:{1}:call:k"
		claim := func() {
			t.Helper()
			if same, err := l.Claim(t.Context(), "1", "k", "x"); err != nil || !same {
				t.Fatalf("%v, %v", same, err)
			}
		}
		claim()
		if err := l.client.PExpire(t.Context(), key, time.Minute).Err(); err != nil { // four minutes pass
			t.Fatal(err)
		}
		claim()
		l.publish("1", withID("a", "k:0", "1"))
		known, event := l.client.PTTL(t.Context(), key).Val(), l.client.PTTL(t.Context(), "buildrelay:{1:a}:id:k:0").Val()
		if event <= 0 || known < event {
			t.Errorf("the key is known for %s, its event for %s", known, event)
		}
	})
}

// forgetful makes Redis forget a script right after it was loaded.
type forgetful struct{ redis.Hook }

func (forgetful) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (forgetful) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (forgetful) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		for i, c := range commands {
			if c.Name() == "script" {
				commands[i] = redis.NewStatusCmd(ctx, "script", "flush")
			}
		}
		return next(ctx, commands)
	}
}

func TestAnEventThatRedisForgotHowToPublishIsRefused(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	r.Watch("1", "live")
	r.expect("confirmed 1 live")
	broker.AddHook(r.Broker, forgetful{})
	for _, events := range [][]protocol.Event{
		{withID("live", "7", "1")},
		{withID("live", "7", "1"), withID("cache-a", "7", "2")},
	} {
		if _, err := r.Publish(t.Context(), "1", events); err == nil {
			t.Errorf("%d events: published, Redis says", len(events))
		}
	}
}

func TestANodeHasTheRightToTieAKeyAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, relaytest.StartRedis(t, user("node", nodeRights)).URLFor("node", "hunter2"))
	for range 2 {
		if same, err := r.Claim(t.Context(), "1", "k", "x"); err != nil || !same {
			t.Errorf("%v, %v", same, err)
		}
	}
}

func TestAKeyIsNotTiedWithoutRedis(t *testing.T) {
	t.Parallel()
	r := newRig(t, "redis://127.0.0.1:1")
	if same, err := r.Claim(t.Context(), "1", "k", "x"); err == nil || same {
		t.Errorf("%v, %v", same, err)
	}
}
