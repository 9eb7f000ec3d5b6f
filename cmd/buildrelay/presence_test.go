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

func TestPresence(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 3, nil)
	n.run(t, "tells who joins, and who is there", presenceTells)
	n.run(t, "takes a user in many tabs for one member", presenceCountsUsers)
	n.run(t, "forgets what a user told when the user has left", presenceForgetsInfo)
	n.run(t, "takes the backend's channel data to the byte", presenceTakesBytes)
	n.run(t, "takes any text for an id", presenceTakesIDs)
	n.run(t, "refuses channel data that describes nobody", presenceRefuses)
	n.run(t, "refuses who is not signed", presenceWantsASignature)
	n.run(t, "is for 100 users, in any number of tabs", presenceIsFull)
	n.run(t, "takes the user who signed in", presenceTakesSignedIn)
	n.run(t, "flaps as fast as somebody likes", presenceFlaps)
	n.run(t, "is listed by the API", presenceIsListed)
	n.apart(t, "ends with the node", func(t *testing.T, p place) { presenceEndsWithNode(t, n, p) })
}

// expectMembers compares a list with what it must be.
func expectMembers(t *testing.T, got relaytest.Presence, want map[string]string) {
	t.Helper()
	infos := make(map[string]string)
	for id, info := range got.Hash {
		infos[id] = string(info)
	}
	if diff := cmp.Diff(want, infos); diff != "" {
		t.Errorf("members (- wanted, + got):\n%s", diff)
	}
}

func presenceTells(t *testing.T, p place) {
	channel := p.own("presence-tells")
	a, b, c := p.connect(0), p.connect(1), p.connect(2)
	expectMembers(t, a.JoinWith(channel, `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`), map[string]string{"10": `{"name":"Mr. Channels"}`})
	expectMembers(t, b.JoinWith(channel, `{"user_id":"b","user_info":{"name":"Béa <&>","age":7}}`), map[string]string{
		"10": `{"name":"Mr. Channels"}`, "b": `{"name":"Béa <&>","age":7}`,
	})
	if info := a.ExpectJoined(channel, "b"); info != `{"name":"Béa <&>","age":7}` {
		t.Errorf("b joined as %s", info)
	}
	b.ExpectOpen() // who joins is not told so
	expectMembers(t, c.JoinWith(channel, `{"user_id":"c","user_info":null}`), map[string]string{
		"10": `{"name":"Mr. Channels"}`, "b": `{"name":"Béa <&>","age":7}`, "c": `{}`,
	})
	for _, other := range []*relaytest.WSClient{a, b} {
		if info := other.ExpectJoined(channel, "c"); info != `{}` {
			t.Errorf("c, without info, joined as %s", info)
		}
	}
	b.Unsubscribe(channel)
	b.ExpectOpen() // nor is who leaves
	a.ExpectLeft(channel, "b")
	c.ExpectLeft(channel, "b")
	c.Close(1000)
	c.ExpectClose(1000)
	a.ExpectLeft(channel, "c")
	expectMembers(t, b.Join(channel, "b2"), map[string]string{"10": `{"name":"Mr. Channels"}`, "b2": `{}`})
	a.ExpectJoined(channel, "b2")
	b.Reset()
	a.ExpectLeft(channel, "b2")
}

func presenceCountsUsers(t *testing.T, p place) {
	channel := p.own("presence-tabs")
	a, b, b2, d := p.connect(0), p.connect(1), p.connect(2), p.connect(2)
	a.Join(channel, "a")
	b.JoinWith(channel, `{"user_id":"b","user_info":{"tab":1}}`)
	a.ExpectJoined(channel, "b")
	expectMembers(t, b2.JoinWith(channel, `{"user_id":"b","user_info":{"tab":2}}`), map[string]string{"a": "{}", "b": `{"tab":1}`})
	expectMembers(t, d.Join(channel, "d"), map[string]string{"a": "{}", "b": `{"tab":1}`, "d": "{}"})
	a.ExpectJoined(channel, "d") // and no second b
	b.ExpectJoined(channel, "d")
	b2.ExpectJoined(channel, "d")
	b2.Unsubscribe(channel)
	b2.ExpectOpen()
	d.Unsubscribe(channel)
	a.ExpectLeft(channel, "d") // and not b
	b.Cut()
	a.ExpectLeft(channel, "b")
	tabs := make([]*relaytest.WSClient, 60)
	for i := range tabs {
		tabs[i] = p.connect(i)
		tabs[i].Join(channel, "many")
	}
	a.ExpectJoined(channel, "many")
	for i, tab := range tabs {
		if i%2 == 0 {
			tab.Cut()
		} else {
			tab.Unsubscribe(channel)
		}
	}
	a.ExpectLeft(channel, "many")
	d.Join(channel, "d2")
	a.ExpectJoined(channel, "d2")
	a.ExpectOpen()
}

// The first tab's info counts until the last has left.
func presenceForgetsInfo(t *testing.T, p place) {
	channel := p.own("presence-info")
	a, b := p.connect(0), p.connect(1)
	a.Join(channel, "a")
	for _, info := range []string{`{"n":1}`, `{"n":2}`} {
		b.JoinWith(channel, `{"user_id":"b","user_info":`+info+`}`)
		if got := a.ExpectJoined(channel, "b"); got != info {
			t.Errorf("b joined as %s, want %s", got, info)
		}
		b.Unsubscribe(channel)
		a.ExpectLeft(channel, "b")
	}
}

func presenceTakesBytes(t *testing.T, p place) {
	channel := p.own("presence-bytes")
	a := p.connect(0)
	a.Join(channel, "a")
	for _, data := range []string{
		` { "user_info" : {"name":"R\u00e9n\u00e9"} ,  "user_id" : "u38" } `,
		`{"more":[1,{"user_id":"x"}],"user_info":{"name":"Réné"},"user_id":"\u00753\u0038"}`,
		"{\n\t\"user_id\": \"u38\",\r\n\t\"user_info\": {\"name\": \"Réné\"}\n}",
	} {
		b := p.connect(1)
		got := b.JoinWith(channel, data)
		var info struct{ Name string }
		if err := json.Unmarshal(got.Hash["u38"], &info); err != nil || info.Name != "Réné" || got.Count != 2 {
			t.Errorf("%q makes the members %v: %v", data, got, err)
		}
		a.ExpectJoined(channel, "u38")
		b.Cut()
		a.ExpectLeft(channel, "u38")
	}
}

func presenceTakesIDs(t *testing.T, p place) {
	channel := p.own("presence-ids")
	a := p.connect(0)
	a.Join(channel, "a")
	for _, id := range []string{
		"__proto__", "constructor", "0", "é", "\u2028 \t\n\"\\/", "<&>", "a b", "{}", "*", "~", ",", "😀\ufffd\u202e", "\x00",
		"u1,u2 {}", strings.Repeat("é", 128),
	} {
		quoted, _ := json.Marshal(id)
		b := p.connect(1)
		expectMembers(t, b.JoinWith(channel, `{"user_id":`+string(quoted)+`,"user_info":{"is":`+string(quoted)+`}}`),
			map[string]string{"a": "{}", id: `{"is":` + string(quoted) + `}`})
		a.ExpectJoined(channel, id)
		b.Cut()
		a.ExpectLeft(channel, id)
	}
	for number, id := range map[string]string{"7": "7", "0": "0", "-12": "-12", "9007199254740993": "9007199254740993"} {
		b := p.connect(1)
		b.JoinWith(channel, `{"user_id":`+number+`}`)
		a.ExpectJoined(channel, id)
		same := p.connect(2)
		expectMembers(t, same.Join(channel, id), map[string]string{"a": "{}", id: "{}"})
		awaitTold(t, p.on(2))
		same.Cut()
		b.Cut()
		a.ExpectLeft(channel, id)
	}
}

func presenceRefuses(t *testing.T, p place) {
	channel := p.own("presence-refuses")
	a, c := p.connect(0), p.connect(1)
	a.Join(channel, "a")
	const info = "user_info supplied to presence subscription is invalid"
	sized := func(size int) string {
		const around = `{"user_id":"sized","user_info":{"x":""}}`
		return strings.Replace(around, `""`, `"`+strings.Repeat("x", size-len(around))+`"`, 1)
	}
	for data, text := range map[string]string{
		`not json`: "", `[]`: "", `null`: "", `7`: "", `"a"`: "", ` `: "", `{}`: "",
		`{"user_id":null}`: "", `{"user_id":""}`: "", `{"user_id":true}`: "", `{"user_id":{}}`: "", `{"user_id":["a"]}`: "",
		`{"user_id":1.5}`: "", `{"user_id":1e9}`: "", `{"user_id":"x","user_id":"y"}`: "", `{"User_id":"x"}`: "", `{"user_info":{}}`: "",
		`{"user_id":"x","user_info":"Ann"}`: info, `{"user_id":"x","user_info":[]}`: info, `{"user_id":"x","user_info":7}`: info,
		`{"user_id":"x","user_info":true}`: info, `{"user_id":"x","user_info":{},"user_info":{}}`: "",
		`{"user_id":"x"}{}`: "", `{"user_id":"x"`: "", `{"user_id":"x",}`: "", `{"user_id":"x","user_info":{"a":}}`: "",
		`{"user_id":"` + strings.Repeat("x", 129) + `"}`: "", `{"user_id":` + strings.Repeat("1", 129) + `}`: "",
		`{"user_id":"x","user_info":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) + `}`: "",
		sized(1025): "",
	} {
		c.Request(channel, data)
		c.ExpectError(0, text)
	}
	c.Send(subscribing(`"channel":"` + channel + `","auth":"` + grant(c, channel, nil) + `","channel_data":{"user_id":"x"}`))
	c.ExpectError(0, "")
	c.ExpectOpen()
	c.JoinWith(channel, sized(1024))
	a.ExpectJoined(channel, "sized") // and nobody of those before
}

func presenceWantsASignature(t *testing.T, p place) {
	channel := p.own("presence-signed")
	a, c := p.connect(0), p.connect(1)
	a.Join(channel, "a")
	data, other := `{"user_id":"c"}`, `{"user_id":"admin"}`
	const format, wrong = "should be of format 'key:signature'", "Invalid signature"
	for name, r := range map[string]struct{ auth, data, text string }{
		"none":                        {"", data, format},
		"one without channel data":    {grant(c, channel, nil), data, wrong},
		"one for another user":        {grant(c, channel, &data), other, wrong},
		"one for another channel":     {grant(c, channel+"x", &data), data, wrong},
		"another socket's":            {grant(a, channel, &data), data, wrong},
		"a user's":                    {grant(c, ":user:", &data), data, wrong},
		"one for the data in a space": {grant(c, channel, &data), data + " ", wrong},
	} {
		t.Log(name)
		quoted, _ := json.Marshal(r.data)
		c.Send(subscribing(fmt.Sprintf(`"auth":%q,"channel":%q,"channel_data":%s`, r.auth, channel, quoted)))
		c.ExpectError(0, r.text)
	}
	c.Request(channel+`:{"user_id":1}`, "")
	c.ExpectError(0, "Invalid channel name")
	c.Request(channel, "")
	c.ExpectError(0, "channel_data")
	c.Join(channel, "c")
	a.ExpectJoined(channel, "c")
}

func presenceIsFull(t *testing.T, p place) {
	channel := p.own("presence-full")
	var members, refused []*relaytest.WSClient
	clients := make([]*relaytest.WSClient, 110)
	for i := range clients {
		clients[i] = p.connect(i)
	}
	for i, c := range clients {
		c.Request(channel, fmt.Sprintf(`{"user_id":"u%d"}`, i))
	}
	for _, c := range clients {
		if r := c.Next(); r.Event == "pusher:error" {
			refused = append(refused, c)
		} else {
			members = append(members, c)
		}
	}
	if len(members) != 100 || len(refused) != 10 {
		t.Fatalf("%d were let in and %d refused", len(members), len(refused))
	}
	refused[0].Request(channel, `{"user_id":"one more"}`)
	refused[0].ExpectError(0, channel)
	for i := range 5 { // of the refused, in tabs of those who are in
		refused[i].Request(channel, fmt.Sprintf(`{"user_id":"u%d"}`, slices.Index(clients, members[i])))
		if got := refused[i].ExpectPresence(channel); got.Count != 100 {
			t.Errorf("another tab sees %d members", got.Count)
		}
	}
	left := slices.Index(clients, members[99])
	members[99].Unsubscribe(channel)
	if gone := members[0].Await("pusher_internal:member_removed").DataString(t); gone != fmt.Sprintf(`{"user_id":"u%d"}`, left) {
		t.Errorf("u%d left, told is %s", left, gone)
	}
	refused[9].Join(channel, "one more")
}

func presenceTakesSignedIn(t *testing.T, p place) {
	channel := p.own("presence-signed-in")
	a, b, c := p.connect(0), p.connect(1), p.connect(2)
	a.Join(channel, "a")
	b.Request(channel, "")
	b.ExpectError(0, "channel_data")
	b.SigninWith(`{"id":"b","user_info":{"name":"Bob"},"more":1}`)
	b.Request(channel, "")
	expectMembers(t, b.ExpectPresence(channel), map[string]string{"a": "{}", "b": `{"name":"Bob"}`})
	if info := a.ExpectJoined(channel, "b"); info != `{"name":"Bob"}` {
		t.Errorf("b joined as %s", info)
	}
	c.SigninWith(`{"id":"c","user_info":{"name":"Carl"}}`)
	c.JoinWith(channel, `{"user_id":"other","user_info":{"name":"Otto"}}`)
	if info := a.ExpectJoined(channel, "other"); info != `{"name":"Otto"}` {
		t.Errorf("c, who says to be another user, joined as %s", info)
	}
	c.Unsubscribe(channel)
	a.ExpectLeft(channel, "other")
	c.Request(channel, "")
	c.ExpectPresence(channel)
	a.ExpectJoined(channel, "c")
}

func presenceFlaps(t *testing.T, p place) {
	channel := p.own("presence-flaps")
	a, b, c := p.connect(0), p.connect(1), p.connect(2)
	a.Join(channel, "a")
	for range 200 {
		b.Request(channel, `{"user_id":"b"}`)
		b.Unsubscribe(channel)
	}
	b.Send(`{"event":"pusher:ping","data":{}}`)
	b.Await("pusher:pong") // behind all that was answered
	c.Join(channel, "c")
	there := false
	for {
		r := a.Next()
		if r.DataString(t) == `{"user_id":"c","user_info":{}}` {
			break
		}
		if joins := r.Event == "pusher_internal:member_added"; joins == there {
			t.Fatalf("a, for whom b is there: %v, was told %s", there, r.Text)
		}
		there = !there
	}
	if there {
		a.ExpectLeft(channel, "b")
	}
	if got := p.connect(1).Join(channel, "d"); got.Count != 3 {
		t.Errorf("there are %v", got.IDs)
	}
}

func presenceIsListed(t *testing.T, p place) {
	channel := p.own("presence-listed")
	for i, id := range []string{"z", "a b", "<é>", "a b"} {
		p.connect(i).Join(channel, id)
	}
	for i := range p.nodes {
		if diff := cmp.Diff([]string{"<é>", "a b", "z"}, usersOf(t, p.on(i), channel)); diff != "" {
			t.Errorf("users (- wanted, + got):\n%s", diff)
		}
		if !p.on(i).occupied(channel) {
			t.Error("the channel is not listed")
		}
	}
}

// usersOf is the API's list of a presence channel, sorted.
func usersOf(t *testing.T, w world, channel string) (ids []string) {
	t.Helper()
	status, reply := w.Request(http.MethodGet, "/channels/"+channel+"/users", "")
	var list struct{ Users []struct{ ID string } }
	if err := json.Unmarshal([]byte(reply), &list); err != nil || status != http.StatusOK {
		t.Fatalf("the users of %s: %d %s", channel, status, reply)
	}
	for _, u := range list.Users {
		ids = append(ids, u.ID)
	}
	slices.Sort(ids)
	return ids
}

// A node that stops takes its members along at once; who is elsewhere too stays.
func presenceEndsWithNode(t *testing.T, n nodes, p place) {
	const channel = "presence-stops"
	a, b, b2, c := p.connect(0), p.connect(1), p.connect(2), p.connect(2)
	a.Join(channel, "a")
	b.Join(channel, "b")
	a.ExpectJoined(channel, "b")
	b2.Join(channel, "b")
	c.Join(channel, "c")
	a.ExpectJoined(channel, "c")
	n.all[2].Stop()
	a.ExpectLeft(channel, "c")
	d := p.connect(1)
	expectMembers(t, d.Join(channel, "d"), map[string]string{"a": "{}", "b": "{}", "d": "{}"})
	a.ExpectJoined(channel, "d") // and b did not leave
}
