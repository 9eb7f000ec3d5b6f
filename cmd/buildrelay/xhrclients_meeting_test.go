package main_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// xhrMeeting is Ann, who has no WebSocket, and Bob, who has one, on two nodes: nobody can
// tell who has which.
type xhrMeeting struct {
	place
	t    *testing.T
	a    *xhrPage
	b    *relaytest.PusherJS
	room string
}

func TestPusherJSMeetsOthersOverHTTP(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_CLIENT_EVENTS": "true"})
	p := n.place(t, 2, "")
	var all []xhrMeeting
	for _, page := range everyXHR(t, p.on(0), relaytest.PusherJSOptions{Member: `{"user_id":"a","user_info":{"name":"Ann"}}`}) {
		all = append(all, xhrMeeting{place: p, t: t, a: page, room: "presence-" + page.name(), b: relaytest.StartPusherJS(
			t, page.version, p.on(1).Relay, relaytest.PusherJSOptions{
				Build: buildOf(page.version), Member: `{"user_id":"b","user_info":{"name":"Bob"}}`,
			},
		)})
	}
	for _, m := range all {
		t.Log(m.room)
		m.meet()
		m.whisper(m.a.PusherJS, m.b, "client-typing", "a")
		m.whisper(m.b, m.a.PusherJS, "client-answer", "b")
		m.a.Unsubscribe(m.room)
		m.b.ExpectEvent(m.room, "pusher:member_removed")
		m.a.Subscribe(m.room)
		m.a.ExpectSubscribed(m.room)
		m.b.ExpectEvent(m.room, "pusher:member_added")
		m.a.Disconnect()
	}
	for _, m := range all {
		m.b.ExpectEvent(m.room, "pusher:member_removed") // once the grace is over
	}
}

func (m xhrMeeting) meet() {
	m.t.Helper()
	m.b.ExpectState("connected")
	m.a.Subscribe(m.room)
	m.a.ExpectSubscribed(m.room)
	m.b.Subscribe(m.room)
	m.b.ExpectSubscribed(m.room)
	m.a.ExpectEvent(m.room, "pusher:member_added")
	want := map[string]json.RawMessage{"a": json.RawMessage(`{"name":"Ann"}`), "b": json.RawMessage(`{"name":"Bob"}`)}
	for page, me := range map[*relaytest.PusherJS]string{m.a.PusherJS: "a", m.b: "b"} {
		if diff := cmp.Diff(relaytest.Members{Members: want, Count: 2, MyID: me}, page.Members(m.room)); diff != "" {
			m.t.Errorf("members as %s has them (- wanted, + got):\n%s", me, diff)
		}
	}
}

// whisper has one of them send a client event, which the other gets, and the sender not.
func (m xhrMeeting) whisper(from, to *relaytest.PusherJS, event, userID string) {
	m.t.Helper()
	const text = "<é\u2028😀\\\">"
	from.Trigger(m.room, event, map[string]string{"text": text})
	got := to.Expect(event, func(s relaytest.Said) bool { return s.Type == "message" && s.Event == event })
	var data struct{ Text string }
	if err := json.Unmarshal(got.Data, &data); err != nil || data.Text != text || got.UserID != userID {
		m.t.Errorf("%s came as %+v: %v", event, got, err)
	}
	for _, said := range from.Said() {
		if said.Event == event {
			m.t.Errorf("who sent %s hears itself", event)
		}
	}
}

func TestPusherJSSignsInOverHTTP(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_WATCHLISTS": "true"})
	for _, version := range signInVersions() {
		for _, transport := range httpTransports() {
			n.apart(t, version+" "+transport, func(t *testing.T, p place) {
				p.suffix = "-" + version + "-" + transport
				signInOverHTTP(t, p, version, transport)
			})
		}
	}
}

func signInOverHTTP(t *testing.T, p place, version, transport string) {
	id, watched := p.own("u"), p.own("w")
	user := startXHR(t, p.on(0), version, transport, relaytest.PusherJSOptions{
		User: `{"id":"` + id + `","user_info":{"name":"Ann"},"watchlist":["` + watched + `"]}`,
	}).connected(t)
	user.Signin()
	user.ExpectWatched("offline")
	other := startXHR(t, p.on(1), version, transport, relaytest.PusherJSOptions{User: `{"id":"` + watched + `"}`}).connected(t)
	other.Signin()
	other.ExpectSignedIn(watched)
	user.ExpectWatched("online")
	if err := sealingSDK(p.on(1)).SendToUser(id, "notice", map[string]int{"n": 1}); err != nil {
		t.Fatalf("sending to the user: %v", err)
	}
	if got := user.ExpectUserEvent("notice"); string(got.Data) != `{"n":1}` {
		t.Errorf("the user was told %s", got.Data)
	}
}

func TestLaravelEchoMeetsOthersOverHTTP(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_CLIENT_EVENTS": "true"})
	for _, version := range relaytest.EchoVersions() {
		for _, transport := range httpTransports() {
			n.apart(t, version+" "+transport, func(t *testing.T, p place) {
				p.suffix = "-" + version + "-" + transport
				page := func(i int, member string) *relaytest.PusherJS {
					return startXHR(t, p.on(i), "8.6.0", transport, relaytest.PusherJSOptions{
						Echo: version, Member: member, MasterKey: masterKey,
					}).connected(t).PusherJS
				}
				a, b := page(0, `{"user_id":1,"user_info":{"name":"Ann"}}`), page(1, `{"user_id":2,"user_info":{"name":"Bob"}}`)
				echoJoins(t, p, a, b)
				echoWhispers(t, p, a, b)
				echoUnseals(t, p, a)
				echoLeaves(t, p, a, b)
			})
		}
	}
}
