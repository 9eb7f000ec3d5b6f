package main_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// cutNodes are two nodes, of which the second can be cut off from Redis. While it is,
// nothing is closed.
func cutNodes(t *testing.T, env map[string]string) (n nodes, link *faults.ToxicLink) {
	t.Helper()
	n = newNodes(t, 1, env)
	link = faults.StartToxicLink(t, n.redis.Address())
	via := with(n.redis, env)
	via["RELAY_REDIS_URL"] = "redis://" + link.Address()
	n.all = append(n.all, world{relaytest.StartRelay(t, via), n.redis})
	return n, link
}

func cut(link *faults.ToxicLink) { link.Poison("timeout", map[string]int{"timeout": 0}) }

// Who is on a node that was cut off is told in the end what differs, and nothing else.
func TestPresenceOfANodeThatWasCutOffCatchesUp(t *testing.T) {
	t.Parallel()
	n, link := cutNodes(t, nil)
	const channel = "presence-cut"
	near, far := n.all[0], n.all[1]
	a, b := far.Connect(), near.Connect()
	a.Join(channel, "a")
	b.Join(channel, "b")
	a.ExpectJoined(channel, "b")

	cut(link)
	c, d, e := near.Connect(), near.Connect(), near.Connect()
	c.Join(channel, "c")
	b.Unsubscribe(channel)
	c.ExpectLeft(channel, "b")
	d.Join(channel, "d")
	c.ExpectJoined(channel, "d")
	d.Unsubscribe(channel)
	c.ExpectLeft(channel, "d")
	e.Join(channel, "a") // in another tab
	late := far.Connect()
	late.Request(channel, `{"user_id":"late"}`)
	late.ExpectOpen() // it is held, and not refused
	a.ExpectOpen()
	link.Heal()

	expectMembers(t, late.ExpectPresence(channel), map[string]string{"a": "{}", "c": "{}", "late": "{}"})
	var told []string
	a.Expect("relay:lost") // it may have been told less than there was
	for range 3 {
		r := a.Next()
		told = append(told, r.Event+" "+r.DataString(t))
	}
	slices.Sort(told)
	if diff := cmp.Diff([]string{
		`pusher_internal:member_added {"user_id":"c","user_info":{}}`,
		`pusher_internal:member_added {"user_id":"late","user_info":{}}`,
		`pusher_internal:member_removed {"user_id":"b"}`,
	}, told); diff != "" {
		t.Errorf("a was told (- wanted, + got):\n%s", diff)
	}
	c.ExpectJoined(channel, "late")
	a.ExpectOpen()
}

func TestUsersOfANodeThatWasCutOffAreTerminatedAfterAll(t *testing.T) {
	t.Parallel()
	n, link := cutNodes(t, map[string]string{"RELAY_APP_WATCHLISTS": "true"})
	near, far := n.all[0], n.all[1]
	a, other := far.Connect(), far.Connect()
	a.Signin("u")
	other.Signin("v")
	awaitTold(t, far)
	watcher := near.Connect()
	watcher.SigninWith(`{"id":"w","watchlist":["u","v"]}`)
	if got := watcher.ExpectWatched(); len(got) != 1 || got[0].Name != "online" || len(got[0].UserIDs) != 2 {
		t.Errorf("the watcher sees %v", got)
	}
	cut(link)
	terminate(t, near, "u")
	a.ExpectOpen()
	link.Heal()
	a.ExpectError(4009, "")
	a.ExpectClose(4009)
	if got := watcher.ExpectWatched(); len(got) != 1 || got[0].Name != "offline" || !slices.Equal(got[0].UserIDs, []string{"u"}) {
		t.Errorf("the watcher sees %v", got)
	}
	other.ExpectOpen()
	back := far.Connect()
	back.Signin("u")
	if got := watcher.ExpectWatched(); len(got) != 1 || got[0].Name != "online" || !slices.Equal(got[0].UserIDs, []string{"u"}) {
		t.Errorf("the watcher sees %v", got)
	}
	back.ExpectOpen()
}

// Redis loses everything, and nobody is said to have left who has not.
func TestPresenceOutlivesRedis(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_SUBSCRIPTION_COUNTS": "true"})
	const channel = "presence-outlives"
	a, b, a2 := n.all[0].Connect(), n.all[1].Connect(), n.all[1].Connect()
	a.Join(channel, "a")
	b.Join(channel, "b")
	a.ExpectJoined(channel, "b")
	a2.Join(channel, "a")
	user, watched := n.all[0].Connect(), n.all[1].Connect()
	user.Signin("u")
	user.Subscribe(userChannel("u"))
	watched.Subscribe("news")
	awaitCount(t, watched, "news", 1)

	n.redis.Restart()
	c := n.all[1].Connect()
	expectMembers(t, c.Join(channel, "c"), map[string]string{"a": "{}", "b": "{}", "c": "{}"})
	for _, other := range []*relaytest.WSClient{a, b, a2} {
		other.Expect("relay:lost")
		other.ExpectJoined(channel, "c")
	}
	d := n.all[0].Connect()
	expectMembers(t, d.Join(channel, "d"), map[string]string{"a": "{}", "b": "{}", "c": "{}", "d": "{}"})
	for _, w := range n.all {
		w.Eventually("the API knows them again", func() bool {
			return slices.Equal(usersOf(t, w, channel), []string{"a", "b", "c", "d"})
		})
	}
	for _, other := range []*relaytest.WSClient{a, b, a2, c} {
		other.ExpectJoined(channel, "d")
		other.ExpectOpen()
	}
	n.all[1].publish("hello", "1", userChannel("u"))
	user.Expect("relay:lost")
	user.Expect("hello")
	second := n.all[0].Connect()
	second.Subscribe("news")
	watched.Expect("relay:lost")
	awaitCount(t, watched, "news", 2)
	terminate(t, n.all[1], "u")
	user.ExpectError(4009, "")
}
