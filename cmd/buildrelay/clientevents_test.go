package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

func TestClientEvents(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{
		"RELAY_APP_CLIENT_EVENTS": "true", "RELAY_LOG_RULES": "private-log-* replay=all",
	})
	n.run(t, "reach the others", clientEventsReach)
	n.run(t, "say which member sent them", clientEventsNameMembers)
	n.run(t, "are refused where they have no business", clientEventsRefused)
	n.run(t, "of a connection come ten a second", clientEventsLimited)
	n.run(t, "are kept nowhere", clientEventsKeptNowhere)
	n.run(t, "stay away from a socket that is named, as all events do", eventsSpareSocket)
}

func clientEventsReach(t *testing.T, p place) {
	channels := []string{p.own("private-r"), p.own("private-cache-r"), p.own("private-log-r")}
	a, b, c := p.connect(0), p.connect(1), p.connect(0)
	for _, channel := range channels {
		for _, client := range []*relaytest.WSClient{a, b, c} {
			client.Request(channel, "")
			client.Await("pusher_internal:subscription_succeeded")
			if strings.Contains(channel, "cache") {
				client.Expect("pusher:cache_miss")
			}
		}
	}
	long := "client-" + strings.Repeat("é", 193)
	for _, channel := range channels {
		sender := p.connect(0) // each has its own ten a second
		sender.Request(channel, "")
		sender.Await("pusher_internal:subscription_succeeded")
		for _, e := range []struct{ name, sent, data string }{
			{"client-object", `{"name" : "<é>", "n": [1, 2]}`, `{"name":"<é>","n":[1,2]}`},
			{"client-string", `"{\"a\": 1}"`, `{"a": 1}`},
			{"client-text", `"plain \u00e9"`, "plain é"},
			{"client-null", `null`, "null"},
			{"client-number", `1.50`, "1.50"},
			{"client-empty", `""`, ""},
			{long, `true`, "true"},
		} {
			sender.Trigger(channel, e.name, e.sent)
			want := relaytest.Received{Kind: "message", Event: e.name, Channel: channel}
			for _, other := range []*relaytest.WSClient{a, b, c} {
				got := other.Next()
				if got.DataString(t) != e.data || strings.Contains(got.Text, "user_id") {
					t.Errorf("%s with %s came as %s", e.name, e.sent, got.Text)
				}
				got.Text, got.Data = "", nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(- wanted, + got):\n%s", diff)
				}
			}
		}
	}
	a.Trigger(channels[0], "client-own", `{}`)
	b.Expect("client-own")
	c.Expect("client-own")
	b.Trigger(channels[0], "client-answer", `{}`)
	a.Expect("client-answer") // and not its own
}

func clientEventsNameMembers(t *testing.T, p place) {
	for _, channel := range []string{p.own("presence-r"), p.own("presence-cache-r")} {
		a, b := p.connect(0), p.connect(1)
		a.Request(channel, `{"user_id":7}`)
		a.ExpectPresence(channel)
		b.Request(channel, `{"user_id":"b"}`)
		b.ExpectPresence(channel)
		a.Await("pusher_internal:member_added")
		if strings.Contains(channel, "cache") {
			b.Expect("pusher:cache_miss")
		}
		for _, own := range []string{
			``, `,"user_id":"b"`, `,"user_id":null`, `,"socket_id":"` + b.SocketID + `","id":"b","epoch":"e","relay":"e:1-1","idempotency_key":"x"`,
		} {
			a.Send(fmt.Sprintf(`{"event":"client-typing","channel":%q,"data":{"own":1}%s}`, channel, own))
			got := b.Expect("client-typing")
			var members map[string]any
			if err := json.Unmarshal([]byte(got.Text), &members); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"event": "client-typing", "channel": channel, "data": `{"own":1}`, "user_id": "7"}
			if diff := cmp.Diff(want, members); diff != "" {
				t.Errorf("sent with %s (- wanted, + got):\n%s", own, diff)
			}
		}
	}
}

func clientEventsRefused(t *testing.T, p place) {
	private, encrypted, cache := p.own("private-no"), p.own("private-encrypted-no"), p.own("cache-no")
	witness := p.connect(1)
	for _, channel := range []string{private, encrypted, p.own("no"), p.own("private-other")} {
		witness.Subscribe(channel)
	}
	witness.Subscribe(cache)
	witness.Expect("pusher:cache_miss")
	subscribed := []string{private, encrypted, p.own("no"), cache}
	const kind, none, invalid = "Client event rejected - only supported on private and presence channels",
		"Cannot broadcast client event (connection not subscribed to channel ", "Invalid client event (must contain channel and data)"
	for name, r := range map[string]struct{ message, text string }{
		"public":              {`"event":"client-x","channel":"` + p.own("no") + `","data":{}`, kind},
		"cache":               {`"event":"client-x","channel":"` + cache + `","data":{}`, kind},
		"encrypted":           {`"event":"client-x","channel":"` + encrypted + `","data":{}`, kind},
		"public, not in":      {`"event":"client-x","channel":"elsewhere","data":{}`, kind},
		"a user's":            {`"event":"client-x","channel":"#server-to-user-1","data":{}`, ""},
		"not in":              {`"event":"client-x","channel":"` + p.own("private-other") + `","data":{}`, none + p.own("private-other")},
		"not in, presence":    {`"event":"client-x","channel":"presence-other","data":{}`, none},
		"bad channel name":    {`"event":"client-x","channel":"private-a b","data":{}`, ""},
		"no channel":          {`"event":"client-x","data":{}`, invalid},
		"channel of null":     {`"event":"client-x","channel":null,"data":{}`, invalid},
		"no data":             {`"event":"client-x","channel":"` + private + `"`, invalid},
		"another prefix":      {`"event":"xclient-x","channel":"` + private + `","data":{}`, "Unsupported event received on socket: xclient-x"},
		"a capital letter":    {`"event":"Client-x","channel":"` + private + `","data":{}`, "Unsupported event received on socket: Client-x"},
		"no prefix":           {`"event":"x","channel":"` + private + `","data":{}`, "Unsupported event received on socket: x"},
		"a name of 201":       {`"event":"client-` + strings.Repeat("x", 194) + `","channel":"` + private + `","data":{}`, ""},
		"10241 bytes":         {`"event":"client-x","channel":"` + private + `","data":"` + strings.Repeat("x", 10241) + `"`, "exceeds the allowed maximum (10240 bytes)"},
		"10241 bytes of JSON": {`"event":"client-x","channel":"` + private + `","data":["` + strings.Repeat("é", 5119) + `"]`, "exceeds the allowed maximum (10240 bytes)"},
	} {
		t.Log(name)
		c := p.connect(0)
		for _, channel := range subscribed {
			c.Request(channel, "")
			c.Await("pusher_internal:subscription_succeeded")
		}
		c.Expect("pusher:cache_miss")
		c.Send("{" + r.message + "}")
		c.ExpectError(0, r.text)
		c.ExpectOpen()
		c.Cut()
	}
	c := p.connect(0)
	c.Subscribe(private)
	c.Trigger(private, "client-good", `"`+strings.Repeat("é", 5120)+`"`)
	witness.Expect("client-good") // and none of the others
}

// A window of a second begins with its first event, so that there can be ten in it,
// and the windows follow each other.
func clientEventsLimited(t *testing.T, p place) {
	channel := p.own("private-limited")
	a, b := p.connect(0), p.connect(1)
	a.Subscribe(channel)
	b.Subscribe(channel)
	begun := time.Now()
	const sent = 35
	for i := range sent {
		a.Trigger(channel, "client-fast", fmt.Sprint(i))
	}
	a.Send(`{"event":"pusher:ping","data":{}}`)
	refused := 0
	for {
		r := a.Next()
		if r.Event == "pusher:pong" {
			break
		}
		if !strings.Contains(r.Text, `"code":4301`) {
			t.Fatalf("a was told %s", r.Text)
		}
		refused++
	}
	windows := 1 + int(time.Since(begun)/time.Second)
	let := sent - refused
	if let < 10 || let > 10*windows {
		t.Errorf("%d of %d were let through in %d windows", let, sent, windows)
	}
	for range let {
		b.Expect("client-fast")
	}
	p.on(0).Eventually("events are let through again", func() bool {
		a.Trigger(channel, "client-slow", `{}`)
		a.Send(`{"event":"pusher:ping","data":{}}`)
		if r := a.Next(); r.Event == "pusher:error" {
			a.Expect("pusher:pong")
			return false
		}
		return true
	})
	b.Expect("client-slow") // and no more of the fast ones
}

func clientEventsKeptNowhere(t *testing.T, p place) {
	log, cache := p.own("private-log-kept"), p.own("private-cache-kept")
	a, b := p.connect(0), p.connect(1)
	for _, c := range []*relaytest.WSClient{a, b} {
		c.Subscribe(log)
		c.Subscribe(cache)
		c.Expect("pusher:cache_miss")
	}
	for _, channel := range []string{log, cache} {
		a.Trigger(channel, "client-fleeting", `{}`)
		b.Expect("client-fleeting")
	}
	p.on(1).publish("kept", "1", log)
	a.Expect("kept")
	late := p.connect(1)
	late.Subscribe(log)
	late.Expect("kept")
	late.Subscribe(cache)
	late.Expect("pusher:cache_miss")
}

// Who triggers something by its backend is spared the event, whatever node publishes it.
func eventsSpareSocket(t *testing.T, p place) {
	channels := []string{p.own("spared"), p.own("private-spared"), p.own("private-log-spared")}
	a, b := p.connect(0), p.connect(1)
	for _, channel := range channels {
		a.Subscribe(channel)
		b.Subscribe(channel)
	}
	for i := range p.nodes {
		p.on(i).Publish(relaytest.Trigger{Event: "others", Data: "1", Channels: channels, SocketID: a.SocketID})
		for range channels {
			b.Expect("others")
		}
		p.on(i).publish("all", "2", channels...)
		for range channels {
			a.Expect("all")
			b.Expect("all")
		}
	}
}
