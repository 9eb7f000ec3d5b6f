package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

const cacheKey = "buildrelay:{1:cache-a}:cache"

var cacheA = protocol.ChannelName{App: "1", Channel: "cache-a"}

// cacheRig is a running broker that watches cache-a, beside a backend that uses the same
// Redis.
type cacheRig struct {
	*rig
	client *redis.Client
}

func newCacheRig(t *testing.T, url string, changes ...func(*broker.Config)) *cacheRig {
	t.Helper()
	l := newLogRig(t, url, append([]func(*broker.Config){logChannels}, changes...)...)
	l.start()
	l.waitReady()
	l.Watch("1", "cache-a")
	l.expect("confirmed 1 cache-a")
	return &cacheRig{l.rig, l.client}
}

// eachCacheRig runs a test with a real Redis and with the built-in one.
func eachCacheRig(t *testing.T, test func(t *testing.T, r *cacheRig)) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		test(t, newCacheRig(t, relaytest.StartRedis(t).URL()))
	})
	t.Run("built-in Redis", func(t *testing.T) {
		t.Parallel()
		server, err := broker.StartEmbedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		test(t, newCacheRig(t, string(server.URL())))
	})
}

// expectCached compares what is kept of cache-a.
func (r *cacheRig) expectCached(data string) {
	r.t.Helper()
	cached := r.readCaches(cacheA)[0]
	want := protocol.Cached{Event: protocol.Event{Name: "e", Channel: "cache-a", Data: data}}
	if diff := cmp.Diff(want, cached, cmpopts.IgnoreFields(protocol.Cached{}, "TTL")); diff != "" {
		r.t.Fatalf("cached (-want +got):\n%s", diff)
	}
	if cached.TTL <= 29*time.Minute || cached.TTL > 30*time.Minute {
		r.t.Errorf("kept for %s", cached.TTL)
	}
}

// set keeps a payload as a backend does.
func (r *cacheRig) set(payload string, ttl time.Duration) {
	r.t.Helper()
	if err := r.client.Set(r.t.Context(), cacheKey, payload, ttl).Err(); err != nil {
		r.t.Fatal(err)
	}
}

// An event of the HTTP API excludes its sender, but not from what is kept.
func TestTheLastEventOfACacheChannelIsKept(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		if none := r.readCaches(cacheA)[0]; !cmp.Equal(none, protocol.Cached{}) {
			t.Errorf("cached %+v before anything was published", none)
		}
		for _, data := range []string{"1", `{"n":"ü\u2028"}`} {
			r.publish("1", protocol.Event{Name: "e", Channel: "cache-a", Data: data, Exclude: "1.2"})
			r.expectCached(data)
			r.expect("event 1 cache-a e " + data + " not to 1.2")
		}
		published := r.client.Get(t.Context(), cacheKey).Val()
		if want := `{"event":"e","data":"{\"n\":\"ü\\u2028\"}","socket_id":"1.2"}`; published != want {
			t.Errorf("kept %s, want %s", published, want)
		}
	})
}

func TestTheLastEventOfACallIsKept(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		r.Watch("1", "live")
		r.expect("confirmed 1 live")
		r.publish("1",
			event("cache-a", "1"), event("cache-a", "2"), event("live", "3"), event("cache-a", "4"),
			protocol.Event{Name: "client-e", Channel: "cache-a", Data: "5"}, event("live", "6"))
		r.expectCached("4")
		r.expect("event 1 cache-a e 1", "event 1 cache-a e 2", "event 1 live e 3", "event 1 cache-a e 4",
			"event 1 cache-a client-e 5", "event 1 live e 6")
		if kept := r.client.Get(t.Context(), cacheKey).Val(); kept != `{"event":"e","data":"4"}` {
			t.Errorf("kept %s", kept)
		}
	})
}

func TestEachKindOfCacheChannelOfEachAppHasItsOwn(t *testing.T) {
	t.Parallel()
	r := newCacheRig(t, relaytest.StartRedis(t).URL())
	all := []protocol.ChannelName{
		{App: "1", Channel: "cache-a"},
		{App: "2", Channel: "cache-a"},
		{App: "1", Channel: "private-cache-a"},
		{App: "1", Channel: "private-encrypted-cache-a"},
		{App: "1", Channel: "presence-cache-a"},
	}
	for _, c := range all {
		r.publish(c.App, event(c.Channel, c.App+c.Channel))
	}
	for _, live := range []string{"live", "presence-live", "private-live", "#server-to-user-cache-a", "Cache-a"} {
		_, _ = r.Publish(t.Context(), "1", events(live, "1"))
	}
	for i, cached := range r.readCaches(all...) {
		if want := all[i].App + all[i].Channel; cached.Event.Data != want || cached.Event.Channel != all[i].Channel {
			t.Errorf("%v: cached %+v", all[i], cached)
		}
	}
	if kept := r.client.Keys(t.Context(), "*:cache").Val(); len(kept) != len(all) {
		t.Errorf("kept %q", kept)
	}
	if none, err := r.ReadCaches(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of no channels: %v (%v)", none, err)
	}
}

func TestClientEventsAreNotKept(t *testing.T) {
	t.Parallel()
	r := newCacheRig(t, relaytest.StartRedis(t).URL())
	r.publish("1", event("cache-a", "1"))
	r.expect("event 1 cache-a e 1")
	r.publish("1", protocol.Event{Name: "client-e", Channel: "cache-a", Data: "2", UserID: "u1"})
	r.expect("event 1 cache-a client-e 2")
	r.expectCached("1")

	r.Watch("1", "a") // a log channel
	r.expect("confirmed 1 a")
	r.publish("1", protocol.Event{Name: "client-e", Channel: "a", Data: "3"})
	r.expect("event 1 a client-e 3")
	r.publish("1", protocol.Event{Name: "e", Channel: "a", Data: "4", UserID: "u1"})
	if page, err := r.ReadLog(t.Context(), "1", "a", first); err != nil || len(page.Entries) != 1 || page.Entries[0].Data != "4" {
		t.Errorf("in the log: %+v (%v)", page.Entries, err)
	}
	if n := testutil.ToFloat64(r.metrics.LogUnkept); n != 0 {
		t.Errorf("%v events counted as not kept", n)
	}
}

func TestEventsAreKeptForAsLongAsTheAppSays(t *testing.T) {
	t.Parallel()
	ttl := func(appID string) time.Duration {
		return map[string]time.Duration{"1": 1500 * time.Millisecond, "2": time.Hour}[appID]
	}
	r := newCacheRig(t, relaytest.StartRedis(t).URL(), func(c *broker.Config) { c.CacheTTL = ttl })
	for app, want := range map[string]time.Duration{"1": 1500 * time.Millisecond, "2": time.Hour, "3": 30 * time.Minute} {
		r.publish(app, event("cache-a", app))
		c := r.readCaches(protocol.ChannelName{App: app, Channel: "cache-a"})[0]
		if c.TTL > want || c.TTL < want-time.Minute || c.Event.Data != app {
			t.Errorf("app %s: %+v, want %s", app, c, want)
		}
	}
	relaytest.Eventually(t, "the event has expired", func() bool { return cmp.Equal(r.readCaches(cacheA)[0], protocol.Cached{}) })
}

func TestABackendKeepsEventsAsItWritesThem(t *testing.T) {
	t.Parallel()
	r := newCacheRig(t, relaytest.StartRedis(t).URL())
	for _, payload := range []string{
		`{"event":"e","data":{"n": 1},"id":"x"}`,
		` {"event":"e", "data":{"n":1}, "more":[], "id":null, "user_id":"u"} `,
		`{"event":"e","data":"{\"n\":1}","id":{"n":7}}`,
		`{"socket_id":"1.2","event":"e","data":"\u007b\u0022\u006e\u0022\u003a\u0031\u007d"}`,
	} {
		r.set(payload, 30*time.Minute)
		r.expectCached(`{"n":1}`)
	}
	r.set(`{"event":"e","data":"1"}`, 0) // it forgot to say for how long
	r.expectCached("1")
	if err := r.client.Del(t.Context(), cacheKey).Err(); err != nil {
		t.Fatal(err)
	}
	if none := r.readCaches(cacheA)[0]; !cmp.Equal(none, protocol.Cached{}) {
		t.Errorf("cached %+v after it was deleted", none)
	}
}

// What a stranger left under the key is no event, and hides no other channel's.
func TestWhatIsNoEventIsNotCached(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		other := protocol.ChannelName{App: "1", Channel: "cache-b"}
		r.publish("1", event("cache-b", "1"))
		expect := func(what string) {
			t.Helper()
			before := testutil.ToFloat64(r.metrics.CacheBad)
			cached := r.readCaches(other, cacheA, other)
			if !cmp.Equal(cached[1], protocol.Cached{}) || cached[0].Event.Data != "1" || cached[2].Event.Data != "1" {
				t.Errorf("%s: cached %+v", what, cached)
			}
			if n := testutil.ToFloat64(r.metrics.CacheBad) - before; n != 1 {
				t.Errorf("%s: counted %v times", what, n)
			}
		}
		for _, payload := range []string{
			"x", "{", "\x00\xff", "7", "null", `"e"`, `[]`, `[{"event":"e","data":"1"}]`,
			`{"data":"1"}`, `{"event":7}`, `{"event":"e","event":"f"}`, `{"event":"e","Data":"1"}`,
			`{"event":"pusher:error","data":"1"}`, `{"event":"relay:lost","data":"1"}`, `{"event":"client-e","data":"1"}`,
			`{"event":"e","data":"` + strings.Repeat("x", protocol.MaxRedisData+1) + `"}`,
			`{"event":"e","data":"1","more":"` + strings.Repeat("x", 2<<20) + `"}`,
			strings.Repeat("[", 20000),
		} {
			r.set(payload, time.Hour)
			expect(payload[:min(len(payload), 80)])
		}
		for _, command := range [][]any{
			{"RPUSH", cacheKey, "1"}, {"HSET", cacheKey, "1", "2"}, {"XADD", cacheKey, "*", "1", "2"},
		} {
			r.client.Del(t.Context(), cacheKey)
			if err := r.client.Do(t.Context(), command...).Err(); err != nil {
				t.Fatal(err)
			}
			expect(command[0].(string))
		}
		r.publish("1", event("cache-a", "2")) // takes its place
		r.expectCached("2")
	})
}

// The most that an event may hold is kept, however it is written.
func TestTheLargestEventIsKept(t *testing.T) {
	t.Parallel()
	r := newCacheRig(t, relaytest.StartRedis(t).URL())
	r.publish("1", protocol.Event{Name: strings.Repeat("\x01", 200), Channel: "cache-a", Data: strings.Repeat("\x01", protocol.MaxRedisData)})
	if c := r.readCaches(cacheA)[0]; len(c.Event.Data) != protocol.MaxRedisData {
		t.Errorf("%d bytes are kept", len(c.Event.Data))
	}
}
