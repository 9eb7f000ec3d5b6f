package main_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// hookEnv has relays tell hooks everything; settings are more of RELAY_APP_WEBHOOKS.
func hookEnv(hooks *relaytest.Hooks, settings ...string) map[string]string {
	return map[string]string{
		"RELAY_APP_WEBHOOKS":      hooks.Setting(settings...),
		"RELAY_WEBHOOK_NETWORKS":  "loopback",
		"RELAY_APP_CLIENT_EVENTS": "true",
	}
}

func withCounts(env map[string]string) map[string]string {
	all := map[string]string{"RELAY_APP_SUBSCRIPTION_COUNTS": "true"}
	maps.Copy(all, env)
	return all
}

// Each change is of the whole cluster, and told once, wherever the clients are.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t)
	n := newNodes(t, 2, hookEnv(hooks))
	t.Run("tell", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, place, *relaytest.Hooks){
			"who is the first and the last":     hooksOfFirstAndLast,
			"nothing of who comes back at once": hooksOfWhoComesBack,
			"what clients send":                 hooksOfClientEvents,
			"who joins and leaves":              hooksOfMembers,
			"what is not in a cache":            hooksOfCaches,
		} {
			places := n.apart
			if relaytest.Full() {
				places = n.run
			}
			places(t, name, func(t *testing.T, p place) {
				t.Parallel()
				test(t, p, hooks.For(t))
			})
		}
	})
	hooksAreValid(t, n.all[0], hooks)
}

// hooksAreValid has the SDKs look at all that came.
func hooksAreValid(t *testing.T, w world, hooks *relaytest.Hooks) {
	t.Helper()
	calls := hooks.Calls()
	for _, call := range calls {
		if call.Method != http.MethodPost || call.Header.Get("Content-Type") != "application/json" || call.Header.Get("User-Agent") != "buildrelay" {
			t.Errorf("a call is %s with %v", call.Method, call.Header)
		}
		if !strings.HasPrefix(call.Body, fmt.Sprintf(`{"time_ms":%d,"events":[{"name":"`, call.TimeMS)) || len(call.Events) != 1 {
			t.Errorf("a call has %s", call.Body)
		}
	}
	for _, version := range relaytest.SDKVersions() {
		sdk := relaytest.StartSDK(t, version, w.Relay)
		for _, call := range calls {
			got := sdk.Webhook(call.Header, call.Body)
			if want := validated(call); !cmp.Equal(want, got) {
				t.Errorf("the SDK %s reads %s as %+v", version, call.Body, got)
			}
		}
		if sdk.Webhook(calls[0].Header, calls[0].Body+" ").Valid {
			t.Errorf("the SDK %s takes a body that was changed", version)
		}
	}
	hooksAreValidInGo(t, calls)
}

// validated is what an SDK for Node has to make of a call: what ids there are is not its.
func validated(call relaytest.HookCall) relaytest.Validated {
	want := relaytest.Validated{Valid: true, TimeMS: call.TimeMS, Events: slices.Clone(call.Events)}
	for i := range want.Events {
		want.Events[i].ID, want.Events[i].Members = "", nil
	}
	return want
}

func hooksAreValidInGo(t *testing.T, calls []relaytest.HookCall) {
	t.Helper()
	sdk := pusher.Client{Key: relaytest.Key, Secret: relaytest.Secret, EncryptionMasterKeyBase64: masterKey}
	for _, call := range calls {
		if strings.Contains(call.Body, `"private-encrypted-`) {
			continue // it would decrypt what has no data, and refuses it
		}
		got, err := sdk.Webhook(call.Header, []byte(call.Body))
		if err != nil {
			t.Errorf("the SDK for Go refuses %s: %v", call.Body, err)
			continue
		}
		want := &pusher.Webhook{TimeMs: int(call.TimeMS)}
		for _, e := range call.Events {
			want.Events = append(want.Events, pusher.WebhookEvent{
				Name: e.Name, Channel: e.Channel, Event: e.Event, Data: e.Data, SocketID: e.SocketID, UserID: e.UserID,
			})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the SDK for Go reads (- wanted, + got):\n%s", diff)
		}
	}
	sdk.Secret = "another"
	if _, err := sdk.Webhook(calls[0].Header, []byte(calls[0].Body)); err == nil {
		t.Error("the SDK for Go takes another secret's signature")
	}
}

// expectTold compares all that came of a channel.
func expectTold(t *testing.T, hooks *relaytest.Hooks, channel string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, hooks.NamesOf(channel)); diff != "" {
		t.Errorf("told of %s (- wanted, + got):\n%s", channel, diff)
	}
}

// join subscribes to a channel of any kind, as a user where that is needed.
func join(c *relaytest.WSClient, channel, user string) {
	data := ""
	if strings.HasPrefix(channel, "presence-") {
		data = `{"user_id":"` + user + `"}`
	}
	c.Request(channel, data)
	c.Await("pusher_internal:subscription_succeeded")
}

func hooksOfFirstAndLast(t *testing.T, p place, hooks *relaytest.Hooks) {
	begun := time.Now().Add(-time.Second).UnixMilli()
	var channels []string
	for _, kind := range []string{"news", "private-news", "private-encrypted-news", "presence-news"} {
		channels = append(channels, p.own(kind))
	}
	a, b := p.connect(0), p.connect(1)
	for _, channel := range channels {
		join(a, channel, "u")
		event, call := hooks.Await(protocol.HookOccupied, channel)
		if !slices.Equal(event.Members, []string{"channel", "name"}) || event.ID == "" || call.TimeMS < begun {
			t.Errorf("that %s is occupied is told as %s by %q", channel, call.Body, event.ID)
		}
		join(b, channel, "u")
		a.Unsubscribe(channel)
		a.ExpectOpen()
		join(a, channel, "u")
	}
	b.Cut() // without a word; and this one leaves as a page does
	for _, channel := range channels {
		a.Unsubscribe(channel)
	}
	for _, channel := range channels {
		event, call := hooks.Await(protocol.HookVacated, channel)
		if !slices.Equal(event.Members, []string{"channel", "name"}) {
			t.Errorf("that %s is vacated is told as %s", channel, call.Body)
		}
		names := slices.DeleteFunc(hooks.NamesOf(channel), func(name string) bool { return strings.HasPrefix(name, "member") })
		if diff := cmp.Diff([]string{protocol.HookOccupied, protocol.HookVacated}, names); diff != "" {
			t.Errorf("told of %s (- wanted, + got):\n%s", channel, diff)
		}
	}
}

// Whoever comes back takes the leaving back. A machine that is too slow to come back in
// time tries again.
func hooksOfWhoComesBack(t *testing.T, p place, hooks *relaytest.Hooks) {
	for round := range 5 {
		channel := p.own(fmt.Sprintf("presence-back-%d", round))
		a, b := p.connect(0), p.connect(1)
		join(a, channel, "u")
		hooks.Await(protocol.HookMemberAdded, channel)
		left := time.Now()
		if round%2 == 0 {
			a.Unsubscribe(channel)
		} else {
			a.Cut()
		}
		p.on(0).Eventually("the channel is left", func() bool { return len(usersOf(t, p.on(0), channel)) == 0 || time.Since(left) > time.Second })
		join(b, channel, "u")
		late := time.Since(left) > 2*time.Second
		b.Cut()
		hooks.Await(protocol.HookVacated, channel)
		if late {
			continue
		}
		hooks.ExpectOf(channel, 4)
		names := hooks.NamesOf(channel)
		slices.Sort(names)
		want := []string{protocol.HookOccupied, protocol.HookVacated, protocol.HookMemberAdded, protocol.HookMemberRemoved}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("told (- wanted, + got):\n%s", diff)
		}
		return
	}
	t.Skip("this machine is too slow to come back in time")
}

func hooksOfClientEvents(t *testing.T, p place, hooks *relaytest.Hooks) {
	private, presence := p.own("private-r"), p.own("presence-r")
	a, b := p.connect(0), p.connect(1)
	for i, c := range []*relaytest.WSClient{a, b} {
		join(c, private, "")
		join(c, presence, []string{"u<1>é", "2"}[i])
	}
	for _, data := range []string{`{"a":"<&>é\u2028"}`, `"plain"`, `[1.50]`, `""`} {
		a.Trigger(private, "client-é", data)
		b.Trigger(presence, "client-x", data)
		for channel, want := range map[string]relaytest.HookEvent{
			private:  {Event: "client-é", SocketID: a.SocketID, Members: []string{"channel", "data", "event", "name", "socket_id"}},
			presence: {Event: "client-x", SocketID: b.SocketID, UserID: "2", Members: []string{"channel", "data", "event", "name", "socket_id", "user_id"}},
		} {
			got, _ := hooks.Await(protocol.HookClientEvent, channel)
			want.Name, want.Channel, want.ID, want.Data = protocol.HookClientEvent, channel, got.ID, strings.Trim(data, `"`)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s on %s is told as (- wanted, + got):\n%s", data, channel, diff)
			}
		}
	}
	// What is refused is not told.
	a.Trigger(p.own("private-other"), "client-x", `{}`)
	a.Await("pusher:error")
	for i := range 20 {
		a.Trigger(presence, "client-y", fmt.Sprint(i))
	}
	a.Send(`{"event":"pusher:ping","data":{}}`)
	a.Await("pusher:pong")
	p.on(0).publish("end", "1", presence)
	b.Await("end")
	passed := count(b, "client-y")
	for range passed {
		hooks.Await(protocol.HookClientEvent, presence)
	}
	a.Cut()
	b.Cut()
	hooks.Await(protocol.HookVacated, presence)
	if got := len(hooks.Of(presence)); got != passed+4+6 {
		t.Errorf("%d events of the channel were told; %d client events passed", got, passed+4)
	}
}

func hooksOfMembers(t *testing.T, p place, hooks *relaytest.Hooks) {
	channel := p.own("presence-m")
	var tabs []*relaytest.WSClient
	for i := range 4 {
		tabs = append(tabs, p.connect(i))
		join(tabs[i], channel, "u<é>")
	}
	added, call := hooks.Await(protocol.HookMemberAdded, channel)
	if added.UserID != "u<é>" || !slices.Equal(added.Members, []string{"channel", "name", "user_id"}) {
		t.Errorf("who joins is told as %s", call.Body)
	}
	other := p.connect(1)
	join(other, channel, "v")
	hooks.Await(protocol.HookMemberAdded, channel)
	for i, tab := range tabs {
		if i%2 == 0 {
			tab.Cut()
		} else {
			tab.Unsubscribe(channel)
		}
	}
	removed, call := hooks.Await(protocol.HookMemberRemoved, channel)
	if removed.UserID != "u<é>" || !slices.Equal(removed.Members, []string{"channel", "name", "user_id"}) {
		t.Errorf("who leaves is told as %s", call.Body)
	}
	other.Cut()
	hooks.Await(protocol.HookMemberRemoved, channel)
	hooks.ExpectOf(channel, 6)
	var told []string
	for _, event := range hooks.Of(channel) {
		told = append(told, strings.TrimSpace(event.Name+" "+event.UserID))
	}
	if diff := cmp.Diff([]string{
		"channel_occupied", "member_added u<é>", "member_added v", "member_removed u<é>", "member_removed v", "channel_vacated",
	}, told); diff != "" {
		t.Errorf("told (- wanted, + got):\n%s", diff)
	}
}

// Those who come at the same time miss the same event.
func hooksOfCaches(t *testing.T, p place, hooks *relaytest.Hooks) {
	channel, full := p.own("cache-empty"), p.own("private-cache-full")
	p.on(0).publish("e", "1", full)
	clients := make([]*relaytest.WSClient, 8)
	for i := range clients {
		clients[i] = p.connect(i)
	}
	begun := time.Now()
	for _, c := range clients {
		c.Request(channel, "")
	}
	for _, c := range clients {
		c.Await("pusher:cache_miss")
	}
	most := 1 + int(time.Since(begun)/time.Second)
	for _, c := range clients {
		join(c, full, "")
		c.Await("e")
	}
	hooks.Await(protocol.HookOccupied, full)
	missed, call := hooks.Await(protocol.HookCacheMiss, channel)
	if !slices.Equal(missed.Members, []string{"channel", "name"}) {
		t.Errorf("a miss is told as %s", call.Body)
	}
	for _, c := range clients {
		c.Cut()
	}
	hooks.Await(protocol.HookVacated, channel)
	hooks.Await(protocol.HookVacated, full)
	if got := len(hooks.Of(channel)) - 2; got < 1 || got > most {
		t.Errorf("%d misses were told, want 1 to %d", got, most)
	}
	expectTold(t, hooks, full, protocol.HookOccupied, protocol.HookVacated)
}
