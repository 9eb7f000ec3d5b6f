package main_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/relay/relaytest"
)

// masterKey is a key that a backend encrypts with, as SDKs take it.
const masterKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// sealingSDK is a backend that encrypts what it publishes on encrypted channels.
func sealingSDK(w world) *pusher.Client {
	return &pusher.Client{
		AppID: relaytest.AppID, Key: relaytest.Key, Secret: relaytest.Secret, Host: w.Address, EncryptionMasterKeyBase64: masterKey,
	}
}

// meeting is two pages with one version of pusher-js, on two nodes.
type meeting struct {
	place
	t       *testing.T
	version string
	a, b    *relaytest.PusherJS
}

func TestPusherJSHasEveryKindOfChannel(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_CLIENT_EVENTS": "true", "RELAY_APP_SUBSCRIPTION_COUNTS": "true"})
	for _, version := range relaytest.PusherJSVersions() {
		n.apart(t, version, func(t *testing.T, p place) {
			p.suffix = "-" + version
			m := meeting{place: p, t: t, version: version}
			m.a = m.page(0, `{"user_id":"a","user_info":{"name":"Ann"}}`)
			m.b = m.page(1, `{"user_id":2,"user_info":{"name":"Bob"}}`)
			m.meet()
			m.whisper()
			m.cache()
			m.part()
			if version >= "5" { // 4.4 decrypts too, but its build for Node looks for a navigator
				m.unseal()
			}
		})
	}
}

func (m meeting) page(i int, member string) *relaytest.PusherJS {
	m.t.Helper()
	page := relaytest.StartPusherJS(m.t, m.version, m.on(i).Relay, relaytest.PusherJSOptions{
		Build: buildOf(m.version), Member: member, MasterKey: masterKey,
	})
	page.ExpectState("connected")
	return page
}

// channel is where they meet.
func (m meeting) channel() string { return m.own("presence-room") }

func (m meeting) expectThere(page *relaytest.PusherJS, me any, want map[string]json.RawMessage) {
	m.t.Helper()
	got := page.Members(m.channel())
	if diff := cmp.Diff(relaytest.Members{Members: want, Count: len(want), MyID: me}, got); diff != "" {
		m.t.Errorf("members (- wanted, + got):\n%s", diff)
	}
}

func (m meeting) meet() {
	m.t.Helper()
	ann, bob := json.RawMessage(`{"name":"Ann"}`), json.RawMessage(`{"name":"Bob"}`)
	m.a.Subscribe(m.channel())
	m.a.ExpectSubscribed(m.channel())
	m.expectThere(m.a, "a", map[string]json.RawMessage{"a": ann})
	m.b.Subscribe(m.channel())
	m.b.ExpectSubscribed(m.channel())
	if got := m.a.ExpectEvent(m.channel(), "pusher:member_added"); string(got.Data) != `{"id":"2","info":{"name":"Bob"}}` {
		m.t.Errorf("a was told of %s", got.Data)
	}
	m.expectThere(m.a, "a", map[string]json.RawMessage{"a": ann, "2": bob})
	m.expectThere(m.b, 2.0, map[string]json.RawMessage{"a": ann, "2": bob})
}

func (m meeting) whisper() {
	m.t.Helper()
	hears := func(page *relaytest.PusherJS, event, userID string) {
		m.t.Helper()
		got := page.Expect(event, func(s relaytest.Said) bool { return s.Type == "message" && s.Event == event })
		if got.UserID != userID || got.Channel != m.channel() || string(got.Data) != `{"text":"<é>"}` {
			m.t.Errorf("%s came as %+v", event, got)
		}
	}
	m.b.Trigger(m.channel(), "client-typing", map[string]string{"text": "<é>"})
	hears(m.a, "client-typing", "2")
	m.a.Trigger(m.channel(), "client-answer", map[string]string{"text": "<é>"})
	hears(m.b, "client-answer", "a")
	for _, said := range m.a.Said() {
		if said.Event == "client-answer" {
			m.t.Error("a hears itself")
		}
	}
}

func (m meeting) cache() {
	m.t.Helper()
	filled, empty := m.own("private-cache-filled"), m.own("cache-empty")
	m.on(1).publish("kept", `{"n":1}`, filled)
	for channel, event := range map[string]string{filled: "kept", empty: "pusher:cache_miss"} {
		m.a.Subscribe(channel)
		m.a.ExpectSubscribed(channel)
		got := m.a.ExpectEvent(channel, event)
		if event == "kept" && string(got.Data) != `{"n":1}` {
			m.t.Errorf("the cached event is %s", got.Data)
		}
		if m.version >= "7.2" {
			if got := m.a.ExpectEvent(channel, "pusher:subscription_count"); string(got.Data) != `{"subscription_count":1}` {
				m.t.Errorf("the count is %s", got.Data)
			}
		}
	}
}

// part lets b leave, come back, and lose its connection.
func (m meeting) part() {
	m.t.Helper()
	told := func(event string) {
		m.t.Helper()
		if got := m.a.ExpectEvent(m.channel(), event); string(got.Data) != `{"id":"2","info":{"name":"Bob"}}` {
			m.t.Errorf("a was told %s of %s", event, got.Data)
		}
	}
	m.b.Unsubscribe(m.channel())
	told("pusher:member_removed")
	m.expectThere(m.a, "a", map[string]json.RawMessage{"a": json.RawMessage(`{"name":"Ann"}`)})
	m.b.Subscribe(m.channel())
	told("pusher:member_added")
	m.b.ExpectSubscribed(m.channel())
	m.b.Cut()
	told("pusher:member_removed")
	m.b.ExpectState("connected")
	told("pusher:member_added")
}

func (m meeting) unseal() {
	m.t.Helper()
	sdk := sealingSDK(m.on(0))
	live, cached, empty := m.own("private-encrypted-live"), m.own("private-encrypted-cache-full"), m.own("private-encrypted-cache-empty")
	seal := func(channel, event string) {
		m.t.Helper()
		if err := sdk.Trigger(channel, event, map[string]string{"secret": "é"}); err != nil {
			m.t.Fatalf("publishing: %v", err)
		}
	}
	m.b.ExpectSubscribed(m.channel()) // it has come back
	seal(cached, "kept")
	for channel, event := range map[string]string{live: "", cached: "kept", empty: "pusher:cache_miss"} {
		m.b.Subscribe(channel)
		m.b.ExpectSubscribed(channel)
		if event != "" {
			m.b.ExpectEvent(channel, event)
		}
	}
	for _, channel := range []string{live, cached, empty} {
		seal(channel, "sealed")
		if got := m.b.ExpectEvent(channel, "sealed"); string(got.Data) != `{"secret":"é"}` {
			m.t.Errorf("the page decrypted %s", got.Data)
		}
	}
}

// signInVersions are those that know how to: the oldest of them in the matrix and the newest.
func signInVersions() []string { return []string{"7.6.0", "8.6.0"} }

func TestPusherJSSignsIn(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_WATCHLISTS": "true"})
	for _, version := range signInVersions() {
		n.apart(t, version, func(t *testing.T, p place) {
			p.suffix = "-" + version
			signIn(t, p, version)
		})
	}
}

func signIn(t *testing.T, p place, version string) {
	id, watched, channel := p.own("u"), p.own("w"), p.own("presence-room")
	user := relaytest.StartPusherJS(t, version, p.on(0).Relay, relaytest.PusherJSOptions{
		User: `{"id":"` + id + `","user_info":{"name":"Ann"},"watchlist":["` + watched + `"]}`,
	})
	other := relaytest.StartPusherJS(t, version, p.on(1).Relay, relaytest.PusherJSOptions{User: `{"id":"` + watched + `"}`})
	expectWatched := func(event string) {
		t.Helper()
		if got := user.ExpectWatched(event); !slices.Equal(got, []string{watched}) {
			t.Errorf("%s is %q", event, got)
		}
	}
	user.ExpectState("connected")
	user.Signin()
	expectWatched("offline")
	other.ExpectState("connected")
	other.Signin()
	other.ExpectSignedIn(watched)
	expectWatched("online")
	user.Subscribe(channel)
	user.ExpectSubscribed(channel)
	want := relaytest.Members{Members: map[string]json.RawMessage{id: json.RawMessage(`{"name":"Ann"}`)}, Count: 1, MyID: id}
	if diff := cmp.Diff(want, user.Members(channel)); diff != "" {
		t.Errorf("who signed in joined as (- wanted, + got):\n%s", diff)
	}
	sdk := sealingSDK(p.on(1))
	if err := sdk.SendToUser(id, "hello", map[string]int{"n": 1}); err != nil {
		t.Fatalf("sending to the user: %v", err)
	}
	if got := user.ExpectUserEvent("hello"); string(got.Data) != `{"n":1}` {
		t.Errorf("the user was sent %s", got.Data)
	}
	other.Disconnect()
	expectWatched("offline")

	terminate(t, p.on(1), id)
	if got := user.ExpectError(); got.Code == nil || *got.Code != 4009 {
		t.Errorf("who is terminated is told %+v", got)
	}
	user.ExpectState("disconnected")
	user.Connect() // and the application may have it come back
	user.ExpectState("connected")
	expectWatched("offline")
	if err := sdk.SendToUser(id, "again", map[string]int{"n": 2}); err != nil {
		t.Fatalf("sending to the user: %v", err)
	}
}

// A page of today that signs in before it is refused goes on, not signed in.
func TestPusherJSSurvivesARefusedSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, version := range signInVersions() {
		w.run(t, version, func(t *testing.T, w world) {
			page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{User: `{"id":7}`})
			page.ExpectState("connected")
			page.Signin()
			if got := page.ExpectError(); got.Code != nil {
				t.Errorf("the page was told %+v", got)
			}
			page.Subscribe("private-x")
			page.ExpectSubscribed("private-x")
		})
	}
}
