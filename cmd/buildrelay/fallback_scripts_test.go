package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// trio is a client of each transport, on nodes that share a Redis.
type trio struct {
	webSocket, streaming, polling *relaytest.Client
}

func (m trio) all() []*relaytest.Client {
	return []*relaytest.Client{m.webSocket, m.streaming, m.polling}
}

// trio connects one of each.
func (p place) trio() trio {
	return trio{
		p.on(0).Connect().Client,
		p.on(1).ConnectXHR(relaytest.XHROptions{}).Client,
		p.on(2).ConnectXHR(relaytest.XHROptions{Polling: true}).Client,
	}
}

// What clients do is the same over all transports, and they see each other.
func TestTransportsAreAlike(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 3, map[string]string{
		"RELAY_APP_CLIENT_EVENTS": "true", "RELAY_APP_SUBSCRIPTION_ERRORS": "true",
		"RELAY_APP_WATCHLISTS": "true", "RELAY_LOG_RULES": "private-log-* replay=all",
	})
	n.run(t, "for presence", alikeForPresence)
	n.run(t, "for client events", alikeForClientEvents)
	n.run(t, "for users", alikeForUsers)
	n.run(t, "for subscriptions that are refused", alikeWhenRefused)
	n.run(t, "for caches and logs", alikeForChannels)
	n.run(t, "for the API", alikeForAPI)
}

func alikeForPresence(t *testing.T, p place) {
	channel := p.own("presence-alike")
	m := p.trio()
	names := []string{"ws", "streaming", "polling"}
	want := make(map[string]string)
	for i, c := range m.all() {
		want[names[i]] = `{"name":"Béa <&> ` + names[i] + `"}`
		expectMembers(t, c.JoinWith(channel, `{"user_id":"`+names[i]+`","user_info":`+want[names[i]]+`}`), want)
		for _, other := range m.all()[:i] {
			if info := other.ExpectJoined(channel, names[i]); info != want[names[i]] {
				t.Errorf("%s joined as %s", names[i], info)
			}
		}
	}
	if diff := cmp.Diff([]string{"polling", "streaming", "ws"}, usersOf(t, p.on(1), channel)); diff != "" {
		t.Errorf("users (- wanted, + got):\n%s", diff)
	}
	second := p.on(0).ConnectXHR(relaytest.XHROptions{}) // of a user who is there
	second.Join(channel, "ws")
	for i, c := range m.all() {
		c.Unsubscribe(channel)
		c.ExpectOpen()
		for _, other := range m.all()[i+1:] {
			if names[i] != "ws" { // who is there in another tab
				other.ExpectLeft(channel, names[i])
			}
		}
	}
	if diff := cmp.Diff([]string{"ws"}, usersOf(t, p.on(2), channel)); diff != "" {
		t.Errorf("users (- wanted, + got):\n%s", diff)
	}
}

func alikeForClientEvents(t *testing.T, p place) {
	private, presence := p.own("private-alike"), p.own("presence-events")
	m := p.trio()
	for i, c := range m.all() {
		c.Subscribe(private)
		c.Join(presence, string(rune('a'+i)))
		for _, other := range m.all()[:i] {
			other.Await("pusher_internal:member_added")
		}
	}
	for i, sender := range m.all() {
		for _, channel := range []string{private, presence} {
			sender.Trigger(channel, "client-x", `{"from": "é <&> \u2028"}`)
			for j, other := range m.all() {
				if i == j {
					continue
				}
				r := other.Await("client-x")
				if want := map[bool]string{true: string(rune('a' + i))}[channel == presence]; r.Channel != channel || r.UserID != want ||
					r.DataString(t) != "{\"from\":\"é <&> \u2028\"}" && r.DataString(t) != `{"from":"é <&> \u2028"}` {
					t.Errorf("%d got of %d %s", j, i, r.Text)
				}
			}
		}
		sender.ExpectOpen() // and does not get its own
		sender.Trigger("news", "client-x", `{}`)
		sender.ExpectError(0, "Client event rejected")
	}
	for i, sender := range m.all() {
		for range 30 {
			sender.Trigger(private, "client-much", `{}`)
		}
		sender.Await("pusher:error")
		for j, other := range m.all() {
			if i != j {
				other.Await("client-much")
			}
		}
	}
}

func alikeForUsers(t *testing.T, p place) {
	m := p.trio()
	id := p.own("alike")
	watcher := p.on(0).ConnectXHR(relaytest.XHROptions{Polling: true})
	watcher.SigninWith(`{"id":"` + p.own("watcher") + `","watchlist":["` + id + `"]}`)
	if got := watcher.ExpectWatched(); got[0].Name != "offline" {
		t.Errorf("watched are %+v", got)
	}
	for i, c := range m.all() {
		c.SendSignedIn(relaytest.Key+":00", `{"id":"`+id+`"}`)
		c.ExpectError(0, "")
		c.SigninWith(`{"id":"` + id + `", "user_info":{"name":"Béa <&>"},"more":[1.50]}`)
		c.Subscribe(userChannel(id))
		c.Request(userChannel(id+"9"), "")
		c.Expect("pusher:subscription_error")
		c.ExpectError(0, "Not authorized")
		if i == 0 {
			if got := watcher.ExpectWatched(); got[0].Name != "online" {
				t.Errorf("watched are %+v", got)
			}
		}
	}
	p.on(1).publish("hello", `{"to":"<you>"}`, userChannel(id))
	for _, c := range m.all() {
		if got := c.Expect("hello"); got.Channel != userChannel(id) || got.DataString(t) != `{"to":"<you>"}` {
			t.Errorf("what is sent to the user came as %s", got.Text)
		}
	}
	terminate(t, p.on(2), id)
	for _, c := range m.all() {
		c.ExpectError(4009, "")
		c.ExpectClose(4009)
	}
	if got := watcher.ExpectWatched(); got[0].Name != "offline" {
		t.Errorf("watched are %+v", got)
	}
}

func alikeWhenRefused(t *testing.T, p place) {
	for _, c := range p.trio().all() {
		data := `{"user_id":"x"}`
		for name, test := range map[string]struct{ data, text string }{
			"no signature":       {`"channel":"private-a"`, "should be of format"},
			"a wrong one":        {`"channel":"private-a","auth":"` + relaytest.Key + `:00"`, "Invalid signature"},
			"another channel's":  {`"channel":"private-a","auth":"` + grantTo(c, "private-b", nil) + `"`, "Invalid signature"},
			"another key":        {`"channel":"private-a","auth":"other:00"`, "Invalid key"},
			"a bad name":         {`"channel":"bad name"`, "Invalid channel name"},
			"a name of 165":      {`"channel":"` + strings.Repeat("x", 165) + `"`, "Invalid channel name"},
			"presence, no data":  {`"channel":"presence-a","auth":"` + grantTo(c, "presence-a", nil) + `"`, "channel_data"},
			"presence, bad data": {`"channel":"presence-a","auth":"` + grantTo(c, "presence-a", &data) + `","channel_data":"{}"`, ""},
		} {
			c.Send(subscribing(test.data))
			r := c.Await("pusher:error")
			if !strings.Contains(r.Text, test.text) {
				t.Errorf("%s: told %s", name, r.Text)
			}
		}
		c.Subscribe(p.own("twice"))
		c.Send(subscribing(`"channel":"` + p.own("twice") + `"`))
		c.Await("pusher:error")
		c.Unsubscribe(p.own("twice"))
	}
}

func alikeForChannels(t *testing.T, p place) {
	cache, log := p.own("cache-alike"), p.own("private-log-alike")
	m := p.trio()
	for _, c := range m.all() {
		c.Subscribe(cache)
		c.Expect("pusher:cache_miss")
		c.Subscribe(log)
	}
	for i := range 3 {
		p.on(i).publish("kept", strings.Repeat("é", 3_000), cache, log)
		for _, c := range m.all() {
			for range 2 {
				if got := c.Expect("kept"); got.DataString(t) != strings.Repeat("é", 3_000) {
					t.Errorf("got %.100s", got.Text)
				}
			}
		}
	}
	late := p.trio()
	for _, c := range late.all() {
		c.Request(cache, "")
		c.Await("pusher_internal:subscription_succeeded")
		c.Await("kept") // one
		c.Request(log, "")
		for range 3 {
			c.Await("kept")
		}
	}
}

func alikeForAPI(t *testing.T, p place) {
	m := p.trio()
	channel := p.own("spared")
	for _, c := range m.all() {
		c.Subscribe(channel)
	}
	for i, spared := range m.all() {
		p.on(i).Publish(relaytest.Trigger{Event: "others", Data: "1", Channels: []string{channel}, SocketID: spared.SocketID})
		for j, c := range m.all() {
			if i != j {
				c.Await("others")
			}
		}
		status, reply := p.on(i).Request(http.MethodGet, "/channels/"+channel, "")
		if status != http.StatusOK || !strings.Contains(reply, `"occupied":true`) {
			t.Errorf("the channel is %d %s", status, reply)
		}
	}
	for _, c := range m.all() {
		c.Send(`{"event":"pusher:ping","data":{}}`)
		c.Await("pusher:pong")
	}
}
