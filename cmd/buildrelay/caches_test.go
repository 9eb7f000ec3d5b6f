package main_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

func TestCaches(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, nil)
	n.run(t, "give the last event to who comes later", cachesGive)
	n.run(t, "give it once", cachesGiveOnce)
	n.run(t, "of two channels are two", cachesAreApart)
}

// subscribeCache subscribes to a channel of any kind, as user "1" where that is needed.
func subscribeCache(c *relaytest.WSClient, channel string) {
	data := ""
	if strings.HasPrefix(channel, "presence-") {
		data = `{"user_id":"1"}`
	}
	c.Request(channel, data)
	c.Expect("pusher_internal:subscription_succeeded")
}

// cacheOf is the API's answer for a channel's cache.
func cacheOf(t *testing.T, w world, channel string) (data string, ttl int) {
	t.Helper()
	status, reply := w.RequestWith(http.MethodGet, "/channels/"+channel, url.Values{"info": {"cache"}}, "")
	var got struct {
		Cache *struct {
			Data string
			TTL  int
		}
	}
	if err := json.Unmarshal([]byte(reply), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, reply)
	}
	if got.Cache == nil {
		return "", 0
	}
	return got.Cache.Data, got.Cache.TTL
}

func cachesGive(t *testing.T, p place) {
	for _, kind := range []string{"cache-x", "private-cache-x", "private-encrypted-cache-x", "presence-cache-x"} {
		channel := p.own(kind)
		early := p.connect(0)
		subscribeCache(early, channel)
		if miss := early.Expect("pusher:cache_miss"); miss.Channel != channel || miss.DataString(t) != "{}" {
			t.Errorf("a miss is %s", miss.Text)
		}
		if data, ttl := cacheOf(t, p.on(1), channel); data != "" || ttl != 0 {
			t.Errorf("%s has the cache %q for %d s", channel, data, ttl)
		}
		before := "none"
		for _, data := range []string{`{"nonce":"bm9uY2U=","ciphertext":"Y2lwaGVydGV4dA=="}`, "plain <&>é\u2028\x00", ""} {
			p.on(1).publish("App\\Events\\É", data, channel)
			if got := early.Expect("App\\Events\\É"); got.DataString(t) != data {
				t.Errorf("the event came as %s", got.Text)
			}
			late := p.connect(1)
			for range 2 {
				subscribeCache(late, channel)
				got := late.Expect("App\\Events\\É")
				if got.DataString(t) == before { // its node heard the event only now
					got = late.Expect("App\\Events\\É")
				}
				if got.Channel != channel || got.DataString(t) != data || strings.Contains(got.Text, `"id"`) {
					t.Errorf("the cached event came as %s", got.Text)
				}
				late.Unsubscribe(channel)
				late.ExpectOpen()
			}
			late.Cut()
			before = data
			if got, ttl := cacheOf(t, p.on(0), channel); got != data || ttl < 1 || ttl > 1800 {
				t.Errorf("%s has the cache %q for %d s", channel, got, ttl)
			}
		}
	}
	nobody := p.own("cache-nobody")
	p.on(0).publish("alone", "1", nobody)
	c := p.connect(1)
	subscribeCache(c, nobody)
	c.Expect("alone")
	c.ExpectOpen()
}

// Who subscribes while events come gets each once, from the cached one on.
func cachesGiveOnce(t *testing.T, p place) {
	for round := range 5 {
		channel := p.own("cache-once-" + strconv.Itoa(round))
		c := p.connect(1)
		p.on(0).publish("n", "0", channel)
		c.Request(channel, "")
		const last = 40
		for n := 1; n <= last; n++ {
			p.on(n).publish("n", strconv.Itoa(n), channel)
		}
		c.Expect("pusher_internal:subscription_succeeded")
		for before := -1; before != last; {
			n, err := strconv.Atoi(c.Expect("n").DataString(t))
			if err != nil || n <= before || before >= 0 && n != before+1 {
				t.Fatalf("%d after %d: %v", n, before, err)
			}
			before = n
		}
		c.ExpectOpen()
	}
}

func cachesAreApart(t *testing.T, p place) {
	one, two := p.own("cache-one"), p.own("cache-two")
	p.on(0).publish("both", "1", one, two, p.own("not-a-cache"))
	p.on(1).publish("only", "2", two)
	c := p.connect(1)
	subscribeCache(c, one)
	c.Expect("both")
	subscribeCache(c, two)
	c.Expect("only")
	c.Subscribe(p.own("not-a-cache"))
	c.ExpectOpen()
}

func TestCachesEndWithTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_CACHE_TTL": "1s"})
	w.publish("e", "1", "cache-x")
	w.Eventually("the cache has ended", func() bool {
		data, _ := cacheOf(t, w, "cache-x")
		return data == ""
	})
	c := w.Connect()
	c.Subscribe("cache-x")
	c.Expect("pusher:cache_miss")
}

// What somebody writes in Redis where the relay keeps a cache is not believed.
func TestCachesThatCannotBeReadAreMisses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, garbage := range garbage() {
		t.Log(name)
		if err := w.redis.Client().Set(t.Context(), "buildrelay:{3:news}:cache", garbage, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := w.redis.Client().Set(t.Context(), "buildrelay:{3:cache-bad}:cache", garbage, 0).Err(); err != nil {
			t.Fatal(err)
		}
		c := w.Connect()
		c.Subscribe("cache-bad")
		c.Expect("pusher:cache_miss")
		c.ExpectOpen()
		if data, _ := cacheOf(t, w, "cache-bad"); data != "" {
			t.Errorf("the API tells %q", data)
		}
	}
	if err := w.redis.Client().Del(t.Context(), "buildrelay:{3:cache-bad}:cache").Err(); err != nil {
		t.Fatal(err)
	}
	if err := w.redis.Client().LPush(t.Context(), "buildrelay:{3:cache-bad}:cache", "no string").Err(); err != nil {
		t.Fatal(err)
	}
	c := w.Connect()
	c.Subscribe("cache-bad")
	c.Expect("pusher:cache_miss")
}
