package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"buildrelay/relay/relaytest"
)

// settlingTime is how long it may take until all lists are right: a relay that was killed
// is forgotten after 45 s.
const settlingTime = 60 * time.Second

// fresh is the user who looks at the lists in the end.
const fresh = "fresh"

// awaitLists waits until everybody is where they are to be in the end, and all see that:
// the users, the API of each relay and who subscribes anew on each.
func (c *crowd) awaitLists() {
	t := c.world.T
	t.Helper()
	deadline := time.Now().Add(settlingTime)
	for {
		differ := c.differences()
		if len(differ) == 0 {
			break
		}
		if time.Now().After(deadline) {
			for _, what := range differ {
				c.diary.wrong("%s", what)
			}
			break
		}
		c.world.Wait(200*time.Millisecond, 200*time.Millisecond)
	}
	for relay := range c.world.Relays {
		for channel, want := range c.expected() {
			c.lookAnew(relay, channel, want)
		}
	}
}

// expected is who is to be where in the end.
func (c *crowd) expected() map[string]map[string]bool {
	all := make(map[string]map[string]bool)
	for n := range c.plan.Channels {
		all[channelOf(n)] = make(map[string]bool)
	}
	for _, tab := range c.tabs {
		if tab.stays {
			all[tab.channel][tab.user] = true
		}
	}
	return all
}

// differences are what is not yet as it is to be.
func (c *crowd) differences() (differ []string) {
	expected := c.expected()
	for _, tab := range c.tabs {
		users, there := tab.sees()
		switch {
		case there != tab.stays:
			differ = append(differ, fmt.Sprintf("a tab of %s is on %s: %v", tab.user, tab.channel, there))
		case there:
			differ = append(differ, diffUsers(tab.user+" on "+tab.channel, expected[tab.channel], users)...)
		}
	}
	for i, relay := range c.world.Relays {
		for channel, want := range expected {
			differ = append(differ, diffUsers(fmt.Sprintf("the API of relay %d for %s", i, channel), want, listed(relay, channel))...)
		}
	}
	return differ
}

// listed is the API's list.
func listed(relay *relaytest.Relay, channel string) map[string]bool {
	status, reply := relay.Request(http.MethodGet, "/channels/"+channel+"/users", "")
	var list struct {
		Users []struct {
			ID string `json:"id"`
		} `json:"users"`
	}
	users := make(map[string]bool)
	if err := json.Unmarshal([]byte(reply), &list); err != nil || status != http.StatusOK {
		users[fmt.Sprintf("none, but %d %s", status, reply)] = true
	}
	for _, u := range list.Users {
		users[u.ID] = true
	}
	return users
}

// diffUsers says in what a list is not as it is to be.
func diffUsers(who string, want, got map[string]bool) (differ []string) {
	if maps.Equal(want, got) {
		return nil
	}
	without := func(all, some map[string]bool) string {
		rest := maps.Clone(all)
		maps.DeleteFunc(rest, func(user string, _ bool) bool { return some[user] })
		return strings.Join(slices.Sorted(maps.Keys(rest)), " ")
	}
	return []string{fmt.Sprintf("%s lacks [%s] and has [%s] too much", who, without(want, got), without(got, want))}
}

// lookAnew joins as somebody new and compares the list that comes.
func (c *crowd) lookAnew(relay int, channel string, want map[string]bool) {
	ctx, cancel := context.WithTimeout(c.world.T.Context(), relaytest.Patience)
	defer cancel()
	t := &tab{user: fresh, channel: channel}
	s, err := dial(ctx, c.world.Relays[relay].SocketURL(relaytest.Key), c.world.tls, newWire(0))
	if err != nil {
		c.diary.wrong("looking at %s: %w", channel, err)
		return
	}
	defer s.close()
	if err := s.send(t.subscription(s.socketID)); err != nil {
		c.diary.wrong("looking at %s: %w", channel, err)
		return
	}
	f, err := s.next()
	if err != nil {
		c.diary.wrong("looking at %s: %w", channel, err)
		return
	}
	v, err := newView(fresh, channel, f.text())
	if err != nil {
		c.diary.wrong("looking at %s, told %s: %w", channel, f.text(), err)
		return
	}
	delete(v.there, fresh)
	for _, what := range diffUsers(fmt.Sprintf("who subscribes to %s on relay %d", channel, relay), want, v.there) {
		c.diary.wrong("%s", what)
	}
}
