package main_test

import (
	"testing"

	"buildrelay/relay/relaytest"
)

func TestLaravelEchoMeetsOthers(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_CLIENT_EVENTS": "true"})
	for _, version := range relaytest.EchoVersions() {
		n.apart(t, version, func(t *testing.T, p place) {
			p.suffix = "-" + version
			page := func(i int, member string) *relaytest.PusherJS {
				page := relaytest.StartPusherJS(t, "8.6.0", p.on(i).Relay, relaytest.PusherJSOptions{
					Echo: version, Member: member, MasterKey: masterKey,
				})
				page.ExpectState("connected")
				return page
			}
			// Laravel's ids are its models' keys: numbers.
			a, b := page(0, `{"user_id":1,"user_info":{"name":"Ann"}}`), page(1, `{"user_id":2,"user_info":{"name":"Bob"}}`)
			echoJoins(t, p, a, b)
			echoWhispers(t, p, a, b)
			echoUnseals(t, p, a)
			echoLeaves(t, p, a, b)
		})
	}
}

func echoExpects(t *testing.T, page *relaytest.PusherJS, channel, event, want string) {
	t.Helper()
	if got := page.ExpectEcho(channel, event); got != want {
		t.Errorf("laravel-echo's %s has %s, want %s", event, got, want)
	}
}

func echoJoins(t *testing.T, p place, a, b *relaytest.PusherJS) {
	t.Helper()
	room := p.own("presence-room")
	a.Subscribe(room)
	echoExpects(t, a, room, "here", `[{"name":"Ann"}]`)
	b.Subscribe(room)
	echoExpects(t, b, room, "here", `[{"name":"Ann"},{"name":"Bob"}]`)
	echoExpects(t, a, room, "joining", `{"name":"Bob"}`)
}

func echoWhispers(t *testing.T, p place, a, b *relaytest.PusherJS) {
	t.Helper()
	private := p.own("private-room")
	for _, page := range []*relaytest.PusherJS{a, b} {
		page.Subscribe(private)
		page.ExpectSubscribed(private)
	}
	for _, channel := range []string{private, p.own("presence-room")} {
		a.Bind(channel, "client-typing")
		a.Bind(channel, "App\\Events\\OrderShipped")
	}
	for _, channel := range []string{private, p.own("presence-room")} {
		b.Trigger(channel, "client-typing", map[string]int{"n": 1})
		if got := a.ExpectBound(channel, "client-typing"); string(got.Data) != `{"n":1}` {
			t.Errorf("the whisper came as %s", got.Data)
		}
		p.on(1).publish("App\\Events\\OrderShipped", `{"n":2}`, channel)
		if got := a.ExpectBound(channel, "App\\Events\\OrderShipped"); string(got.Data) != `{"n":2}` {
			t.Errorf("the event came as %s", got.Data)
		}
	}
}

func echoUnseals(t *testing.T, p place, a *relaytest.PusherJS) {
	t.Helper()
	channel := p.own("private-encrypted-room")
	a.Subscribe(channel)
	a.ExpectSubscribed(channel)
	if err := sealingSDK(p.on(1)).Trigger(channel, "sealed", map[string]string{"secret": "é"}); err != nil {
		t.Fatalf("publishing: %v", err)
	}
	if got := a.ExpectEvent(channel, "sealed"); string(got.Data) != `{"secret":"é"}` {
		t.Errorf("laravel-echo decrypted %s", got.Data)
	}
}

// echoLeaves leaves all channels of a name at once.
func echoLeaves(t *testing.T, p place, a, b *relaytest.PusherJS) {
	t.Helper()
	b.Unsubscribe(p.own("presence-room"))
	echoExpects(t, a, p.own("presence-room"), "leaving", `{"name":"Bob"}`)
	a.Unsubscribe(p.own("presence-room"))
	p.on(0).Eventually("all channels are left", func() bool {
		return !p.on(0).occupied(p.own("presence-room")) && !p.on(0).occupied(p.own("private-room")) &&
			!p.on(0).occupied(p.own("private-encrypted-room"))
	})
}
