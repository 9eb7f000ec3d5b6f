package main_test

import (
	"fmt"
	"testing"

	"buildrelay/relay/relaytest"
)

// watch subscribes somebody to a channel whom the endpoint lets in.
func watch(t *testing.T, w world, user, channel string) *relaytest.WSClient {
	t.Helper()
	c := w.Dial(relaytest.WSOptions{})
	_, signed := authOf(t, w, user, c.Established(), channel)
	c.Send(subscribing(fmt.Sprintf(`"channel":%q,"auth":%q`, channel, signed)))
	c.Expect("pusher_internal:subscription_succeeded")
	return c
}

// Who can write into Redis, or its clock, is not to end revoking, nor to have anybody sent away.
func TestWhatIsWrongInRedisDoesNotEndRevoking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newFickleCI(t).env(nil))
	ctx, client := t.Context(), w.redis.Client()
	bob := watch(t, w, "bob", "private-build-1")
	nobody := fmt.Sprintf(`{"app":%q,"user_id":"nobody"}`, relaytest.AppID)
	for i, number := range []string{"4000000000000000", "9007199254740992", "9223372036854775807", "18446744073709551615", "1"} {
		if err := client.Do(ctx, "ZADD", "buildrelay:~revocations:"+relaytest.AppID, number, nobody).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.Publish(ctx, "buildrelay:~revocations", number+" "+nobody).Err(); err != nil {
			t.Fatal(err)
		}
		user := fmt.Sprintf("ada-%d", i)
		for range 2 {
			ada := watch(t, w, user, "private-build-1")
			revoke(t, w, fmt.Sprintf(`{"user_id":%q}`, user))
			ada.ExpectError(4200, "Authorization was revoked, reconnect immediately")
			ada.ExpectClose(4200)
		}
	}
	bob.ExpectOpen()
}

// Until it can it misses what is revoked while it does not hear Redis.
func TestANodeThatCannotReadWhatIsRevokedSaysSo(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisUser("relay", "on", ">pw", "~*", "&*", "+@all"))
	w := world{relaytest.StartRelay(t, map[string]string{"RELAY_REDIS_URL": "redis://relay:pw@" + server.Address()}), server}
	known := func(want float64) {
		t.Helper()
		w.ExpectMetric("buildrelay_revocations_known", fmt.Sprint("is ", want), func(v float64) bool { return v == want })
	}
	known(1)
	ctx, client := t.Context(), server.Client()
	for _, step := range []struct {
		right string
		known float64
	}{{"-zrange", 0}, {"+zrange", 1}} {
		if err := client.Do(ctx, "ACL", "SETUSER", "relay", step.right).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.Do(ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		known(step.known)
	}
}
