package roster_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// last makes what a key says hold for so long that no machine is too slow for the test.
func last(t *testing.T, client *redis.Client, key string) {
	t.Helper()
	if !client.PExpire(t.Context(), key, 30*time.Second).Val() {
		t.Fatalf("there is no %s", key)
	}
}

func counts(all []protocol.Occurrence) (list []int) {
	for _, o := range all {
		list = append(list, o.Count)
	}
	return list
}

func TestSubscriptionsAreToldOnceAPauseAndTheLastCount(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, k := relaytest.RedisClient(t, url), newTaker(t, url, 0)
		a, b := startNode(t, url, want(protocol.HookCount)), startNode(t, url, want(protocol.HookCount))
		key := home("1", "plain") + "tally:1:plain"
		a.Count("1", "plain", 1)
		first := k.expect("subscription_count plain")
		last(t, client, key)
		a.Count("1", "plain", 2)
		a.roll("plain")
		if got := k.standing(first); len(got) != 1 || got[0].Count != 2 {
			t.Fatalf("told: %v, want 2", counts(got))
		}
		last(t, client, key)
		b.Count("1", "plain", 3)
		second := k.expect("subscription_count plain")
		if pause := second[0].Time.Sub(first[0].Time); pause < 20*time.Second {
			t.Errorf("the next count is due %s after the first, before the pause is over", pause)
		}
		b.Count("1", "plain", 5)
		b.roll("plain")
		if k.poll(); len(k.got) > 0 {
			t.Errorf("two at a time: %q", texts(k.got))
		}
		if got := k.standing(append(second, first...)); len(got) != 2 || got[0].Count != 7 || got[1].Count != 7 {
			t.Errorf("told: %v, want 7", counts(got))
		}
	})
}

// The pause begins when a count is due, and is longer where there are many.
func TestThePauseBetweenCounts(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, want(protocol.HookCount))
		for channel, pause := range map[string][2]int{"few": {100, 1000}, "many": {101, 5000}} {
			a.Count("1", channel, pause[0])
			a.roll(channel)
			left := client.PTTL(t.Context(), home("1", channel)+"tally:1:"+channel).Val()
			if longest := time.Duration(pause[1]) * time.Millisecond; left > longest || channel == "many" && left < time.Second {
				t.Errorf("%s: %s are left of the pause of %s", channel, left, longest)
			}
		}
	})
}

func TestNoSubscriptionsAreNotTold(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, k := relaytest.RedisClient(t, url), newTaker(t, url, 0)
		a := startNode(t, url, want(protocol.HookCount))
		a.Count("1", "plain", 1)
		first := k.take(1)
		a.Count("1", "plain", 0)
		a.roll("plain")
		if got := k.standing(first); len(got) > 0 {
			t.Errorf("told: %v", counts(got))
		}
		if left := outbox(t, client); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		a.Count("1", "plain", 1)
		if got := k.standing(k.take(1)); len(got) != 1 || got[0].Count != 1 {
			t.Errorf("told: %v, want 1", counts(got))
		}
	})
}

func TestCacheMissesOfAllNodesAreOne(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, k := relaytest.RedisClient(t, url), newTaker(t, url, 0)
		a, b := startNode(t, url, withOutbox), startNode(t, url, withOutbox)
		a.Note(cacheMiss("cache-x"))
		k.expect("cache_miss cache-x")
		last(t, client, home("1", "cache-x")+"miss:1:cache-x")
		a.Note(cacheMiss("cache-x"))
		b.Note(cacheMiss("cache-x"))
		b.Note(clientEvent("cache-x", "client-e", ""))
		k.expect("client_event cache-x client-e")
		a.Note(clientEvent("cache-x", "client-f", ""))
		k.expect("client_event cache-x client-f")
		client.Del(t.Context(), home("1", "cache-x")+"miss:1:cache-x")
		b.Note(cacheMiss("cache-x"))
		k.expect("cache_miss cache-x")
	})
}
