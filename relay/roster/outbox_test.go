package roster_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

// withOutbox keeps what becomes of channels and members for the webhooks of app 1.
func withOutbox(c *roster.Config) { c.Outbox = func(appID, _ string) bool { return appID == "1" } }

// outbox returns what is in it, as "KIND CHANNEL USER".
func outbox(t *testing.T, client *redis.Client) []string {
	t.Helper()
	all := []string{}
	for p := range 16 {
		entries, err := client.XRange(t.Context(), fmt.Sprintf("%s:{~roster:%d}:out", prefix, p), "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, fmt.Sprintf("%s %s %s", e.Values["kind"], e.Values["channel"], e.Values["user"]))
		}
	}
	return all
}

func TestTheOutboxHoldsWhatBecameOfChannelsAndMembers(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a, b := startNode(t, url, withOutbox), startNode(t, url, withOutbox)
		a.enter(room, "u")
		a.roll(room)
		b.enter(room, "u")
		b.enter(room, "v")
		b.roll(room)
		a.Leave("1", room, "u")
		a.roll(room)
		b.Leave("1", room, "v")
		b.Leave("1", room, "u")
		b.roll(room)
		want := []string{
			"channel_occupied presence-room ", "member_added presence-room u", "member_added presence-room v",
			"member_removed presence-room v", "member_removed presence-room u", "channel_vacated presence-room ",
		}
		if diff := cmp.Diff(want, outbox(t, client)); diff != "" {
			t.Errorf("outbox (-want +got):\n%s", diff)
		}
		b.enter(room, "v") // is back in time: nobody has to know
		b.roll(room)
		want = []string{want[0], want[1], want[2], want[4]}
		if diff := cmp.Diff(want, outbox(t, client)); diff != "" {
			t.Errorf("outbox after a return (-want +got):\n%s", diff)
		}
	})
}

func TestTheOutboxHoldsCountedChannelsButNotUsers(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, withOutbox)
		user := protocol.UserPrefix + "u"
		a.enter(user, "u")
		a.Count("1", "plain", 1)
		a.Count("2", "plain", 1)
		a.roll(user)
		a.Count("1", "plain", 0)
		if _, err := a.Channels(t.Context(), "1", ""); err != nil {
			t.Fatal(err)
		}
		// Nothing, too, if the two wishes were told as one.
		if got := outbox(t, client); len(got) != 0 {
			if diff := cmp.Diff([]string{"channel_occupied plain ", "subscription_count plain ", "channel_vacated plain "}, got); diff != "" {
				t.Errorf("outbox (-want +got):\n%s", diff)
			}
		}
	})
}

func TestTheOutboxHoldsWhatASweepTookBack(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, withOutbox, quick)
		a.enter(room, "u")
		a.roll(room)
		a.stop() // without a word about u
		b := startNode(t, url, quick)
		relaytest.Eventually(t, "u is swept", func() bool { return b.roll(room) == "" })
		want := []string{"channel_occupied presence-room ", "member_added presence-room u", "member_removed presence-room u", "channel_vacated presence-room "}
		if diff := cmp.Diff(want, outbox(t, client)); diff != "" {
			t.Errorf("outbox (-want +got):\n%s", diff)
		}
	})
}
