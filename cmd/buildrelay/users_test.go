package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 3, map[string]string{"RELAY_APP_WATCHLISTS": "true"})
	n.run(t, "sign in and get what is sent to them", usersSignIn)
	n.run(t, "who are not signed right are refused", usersRefused)
	n.run(t, "stay who they are", usersStay)
	n.run(t, "are terminated wherever they are", usersTerminated)
	n.run(t, "have names of any kind", usersHaveAnyName)
	n.run(t, "see whom they watch come and go", usersWatch)
	n.run(t, "watch a hundred", usersWatchAHundred)
}

// userChannel is the channel of what is sent to a user.
func userChannel(id string) string { return "#server-to-user-" + id }

func usersSignIn(t *testing.T, p place) {
	id := p.own("12345")
	a, b, stranger := p.connect(0), p.connect(1), p.connect(2)
	for _, c := range []*relaytest.WSClient{a, b} {
		c.SigninWith(`{"id":"` + id + `", "user_info":{"name":"Béa <&>"},"more":[1.50]}`)
		c.Subscribe(userChannel(id))
	}
	a.Request(userChannel(id+"9"), "")
	a.ExpectError(0, "Not authorized to subscribe to "+userChannel(id+"9"))
	stranger.Request(userChannel(id), "")
	stranger.ExpectError(0, "Not authorized to subscribe to "+userChannel(id))
	p.on(2).publish("hello", `{"to":"<you>"}`, userChannel(id))
	for _, c := range []*relaytest.WSClient{a, b} {
		if got := c.Expect("hello"); got.Channel != userChannel(id) || got.DataString(t) != `{"to":"<you>"}` {
			t.Errorf("what is sent to the user came as %s", got.Text)
		}
	}
	p.on(2).Publish(relaytest.Trigger{Event: "others", Data: "1", Channels: []string{userChannel(id)}, SocketID: a.SocketID})
	b.Expect("others")
	a.Unsubscribe(userChannel(id))
	a.ExpectOpen()
	p.on(0).publish("more", "2", userChannel(id))
	b.Expect("more")
	a.ExpectOpen()
	stranger.ExpectOpen()
	if p.on(0).occupied(userChannel(id)) {
		t.Error("a user's channel is listed")
	}
}

func usersRefused(t *testing.T, p place) {
	a := p.connect(0)
	right := grant(a, ":user:", ptr(`{"id":"u"}`))
	const format = "Invalid format: auth must have the format key:signature"
	for name, r := range map[string]struct{ auth, data, text string }{
		"no signature":         {"", `{"id":"u"}`, format},
		"a key alone":          {relaytest.Key, `{"id":"u"}`, format},
		"an empty signature":   {relaytest.Key + ":", `{"id":"u"}`, ""},
		"another key":          {"0123456789abcdef0123" + right[20:], `{"id":"u"}`, ""},
		"a wrong signature":    {relaytest.Key + ":" + strings.Repeat("0", 64), `{"id":"u"}`, "Invalid signature"},
		"another user's":       {right, `{"id":"admin"}`, "Invalid signature"},
		"another socket's":     {grant(&relaytest.WSClient{Client: &relaytest.Client{SocketID: "1.2"}}, ":user:", ptr(`{"id":"u"}`)), `{"id":"u"}`, "Invalid signature"},
		"a channel's":          {grant(a, "private-a", ptr(`{"id":"u"}`)), `{"id":"u"}`, "Invalid signature"},
		"one with two colons":  {relaytest.Key + "::user:" + right[20:], `{"id":"u"}`, ""},
		"one of other spacing": {right, ` {"id":"u"}`, "Invalid signature"},
	} {
		t.Log(name)
		a.SendSignedIn(r.auth, r.data)
		a.ExpectError(0, r.text)
	}
	for _, data := range []string{
		``, `not json`, `[]`, `null`, `"u"`, `{}`, `{"id":null}`, `{"id":12345}`, `{"id":""}`, `{"id":["u"]}`, `{"id":true}`, `{"ID":"u"}`,
		`{"user_id":"u"}`, `{"id":"u","id":"v"}`, `{"id":"u"}x`, `{"id":"` + strings.Repeat("é", 129) + `"}`,
		`{"id":"u","user_info":"Ann"}`, `{"id":"u","user_info":[]}`, `{"id":"u","watchlist":"v"}`, `{"id":"u","watchlist":{}}`,
		`{"id":"u","watchlist":[7]}`, `{"id":"u","watchlist":[null]}`, `{"id":"u","user_info":{"x":"` + strings.Repeat("x", 10<<10) + `"}}`,
		`{"id":"u","watchlist":["w` + strings.Repeat(`","w`, 10_000) + `"]}`,
	} {
		a.SendSignin(data)
		a.ExpectError(0, "")
	}
	for _, data := range []string{`7`, `null`, `{}`, `{"auth":"` + right + `"}`, `{"auth":"` + right + `","user_data":{"id":"u"}}`, `{"user_data":"{}"}`} {
		a.Send(`{"event":"pusher:signin","data":` + data + `}`)
		a.ExpectError(0, "")
	}
	a.ExpectOpen()
	for _, id := range []string{"u", "v", "admin", "12345", "null"} {
		a.Request(userChannel(id), "")
		a.ExpectError(0, "Not authorized to subscribe")
	}
	a.SigninWith(`{"id":"` + strings.Repeat("é", 128) + `"}`)
}

func ptr(s string) *string { return &s }

func usersStay(t *testing.T, p place) {
	id := p.own("stays")
	a := p.connect(0)
	a.Signin(id)
	a.Subscribe(userChannel(id))
	a.SendSignin(`{"id":"` + id + `","user_info":{"other":true}}`)
	a.Expect("pusher:signin_success")
	a.SendSignin(`{"id":"another"}`)
	a.ExpectError(0, "another")
	a.SendSignin(`{"id":7}`)
	a.ExpectError(0, "")
	a.Request(userChannel("another"), "")
	a.ExpectError(0, "Not authorized")
	p.on(1).publish("still", "1", userChannel(id))
	a.Expect("still")
	a.Request(p.own("presence-stays"), "")
	expectMembers(t, a.ExpectPresence(p.own("presence-stays")), map[string]string{id: "{}"})
}

// terminate asks a node to end a user's connections; id is escaped for a path.
func terminate(t *testing.T, w world, id string) {
	t.Helper()
	status, reply := w.Request(http.MethodPost, "/users/"+id+"/terminate_connections", "{}")
	if status != http.StatusOK || strings.TrimSpace(reply) != "{}" {
		t.Errorf("terminating %s is answered by %d %s", id, status, reply)
	}
}

func usersTerminated(t *testing.T, p place) {
	id, channel := p.own("t"), p.own("presence-t")
	a, b, member, other := p.connect(0), p.connect(1), p.connect(2), p.connect(1)
	a.Signin(id)
	b.Signin(id)
	b.Subscribe(userChannel(id))
	member.Join(channel, id)
	other.Signin(id + "2")
	terminate(t, p.on(2), id)
	for _, c := range []*relaytest.WSClient{a, b} {
		c.ExpectError(4009, "")
		c.ExpectClose(4009)
	}
	back := p.connect(1)
	back.Signin(id)
	back.Subscribe(userChannel(id))
	p.on(0).publish("welcome", "1", userChannel(id))
	back.Expect("welcome")
	terminate(t, p.on(0), p.own("nobody"))
	member.ExpectOpen()
	other.ExpectOpen()
	back.ExpectOpen()
	terminate(t, p.on(1), id)
	back.ExpectError(4009, "")
	back.ExpectClose(4009)
	member.ExpectOpen()
	if got := usersOf(t, p.on(0), channel); !slices.Equal(got, []string{id}) {
		t.Errorf("on the presence channel are %q", got)
	}
}

// The path is escaped in more ways than one, and signed as it is sent or decoded.
func usersHaveAnyName(t *testing.T, p place) {
	for escaped, id := range map[string]string{
		"u%201@x": "u 1@x", "a%2Fb": "a/b", "%C3%A9": "é", "%2500": "%00", "a,b;c=d": "a,b;c=d", "%23x%3F": "#x?", "..%2F..": "../..",
	} {
		a := p.connect(0)
		a.Signin(id + p.suffix)
		a.Subscribe(userChannel(id + p.suffix))
		p.on(1).publish("hello", "1", userChannel(id+p.suffix))
		a.Expect("hello")
		terminate(t, p.on(1), escaped+p.suffix)
		a.ExpectError(4009, "")
		a.ExpectClose(4009)
	}
}

// awaitTold waits until the other nodes can know what was said on this one: who has just
// signed in there may else be offline to others for a moment.
func awaitTold(t *testing.T, w world) {
	t.Helper()
	if status, reply := w.Request(http.MethodGet, "/channels", ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, reply)
	}
}

func usersWatch(t *testing.T, p place) {
	a, u2, u3, u3b := p.connect(0), p.connect(1), p.connect(2), p.connect(1)
	id2, id3, watched := p.own("w2"), p.own("w3"), fmt.Sprintf(`["%s","%s","%[1]s"]`, p.own("w2"), p.own("w3"))
	u2.Signin(id2)
	awaitTold(t, p.on(1))
	a.SigninWith(`{"id":"` + p.own("w1") + `","watchlist":` + watched + `}`)
	expectWatched := func(c *relaytest.WSClient, want ...relaytest.Watched) {
		t.Helper()
		if diff := cmp.Diff(want, c.ExpectWatched()); diff != "" {
			t.Errorf("watched (- wanted, + got):\n%s", diff)
		}
	}
	online := func(id string) relaytest.Watched { return relaytest.Watched{Name: "online", UserIDs: []string{id}} }
	offline := func(id string) relaytest.Watched {
		return relaytest.Watched{Name: "offline", UserIDs: []string{id}}
	}
	expectWatched(a, online(id2), offline(id3))
	u3.Signin(id3)
	expectWatched(a, online(id3))
	u3b.Signin(id3) // no event
	u2.Cut()
	expectWatched(a, offline(id2))
	u3.Close(1000)
	u3.ExpectClose(1000) // no event either: there is another
	u2 = p.connect(2)
	u2.Signin(id2)
	expectWatched(a, online(id2))
	// Who is on a presence channel has not signed in.
	member := p.connect(0)
	member.Join(p.own("presence-w"), p.own("w9"))
	u3b.Cut()
	expectWatched(a, offline(id3))
	terminate(t, p.on(2), id2)
	expectWatched(a, offline(id2))
	alone := p.connect(1)
	alone.SigninWith(`{"id":"` + p.own("w4") + `","watchlist":[]}`)
	alone.ExpectOpen()
}

func usersWatchAHundred(t *testing.T, p place) {
	ids := make([]string, 150)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d", p.own("h"), i)
	}
	list, _ := json.Marshal(ids)
	first, beyond := p.connect(1), p.connect(1)
	first.Signin(ids[99])
	awaitTold(t, p.on(1))
	a := p.connect(0)
	a.SigninWith(`{"id":"` + p.own("h") + `","watchlist":` + string(list) + `}`)
	a.ExpectError(4302, "")
	got := make(map[string][]string)
	for _, group := range a.ExpectWatched() {
		got[group.Name] = slices.Sorted(slices.Values(group.UserIDs))
	}
	want := map[string][]string{"online": {ids[99]}, "offline": slices.Sorted(slices.Values(ids[:99]))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("watched (- wanted, + got):\n%s", diff)
	}
	beyond.Signin(ids[100])
	first.Cut()
	if got := a.ExpectWatched(); got[0].Name != "offline" || got[0].UserIDs[0] != ids[99] {
		t.Errorf("beyond a hundred is watched: %v", got)
	}
}

// What an app has to be asked for is off.
func TestUsersAndEventsAreAsQuietAsTheAppWantsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a, b := w.Connect(), w.Connect()
	b.Subscribe("private-r")
	a.SigninWith(`{"id":"a","watchlist":["b"]}`)
	b.Signin("b")
	a.Subscribe("private-r")
	a.Trigger("private-r", "client-x", `{}`)
	a.ExpectError(0, "To send client events, you must enable this feature in the Settings page of your dashboard.")
	w.publish("end", "1", "private-r")
	a.Expect("end") // and neither a count nor the watchlist's events
	b.Expect("end")
	a.ExpectOpen()
}

func TestConnectionsThatAreNotAuthorizedInTimeAreClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_AUTHORIZATION_TIMEOUT": "2s"})
	private, presence, signed := w.Connect(), w.Connect(), w.Connect()
	private.Subscribe("private-a")
	presence.Join("presence-a", "p")
	signed.Signin("s")
	idle, public, refused := w.Connect(), w.Connect(), w.Connect()
	public.Subscribe("news")
	refused.Send(subscribing(`"channel":"private-a","auth":"` + relaytest.Key + ":" + strings.Repeat("0", 64) + `"`))
	refused.ExpectError(0, "Invalid signature")
	refused.SendSignin(`{"id":1}`)
	refused.ExpectError(0, "")
	for _, c := range []*relaytest.WSClient{idle, public, refused} {
		c.ExpectError(4009, "Connection not authorized within timeout")
		c.ExpectClose(4009)
	}
	private.Unsubscribe("private-a")
	for _, c := range []*relaytest.WSClient{private, presence, signed} {
		c.ExpectOpen()
	}
}
