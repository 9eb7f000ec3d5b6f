package broker_test

import (
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

func slanger(anyChannel bool) func(*broker.Config) {
	return func(c *broker.Config) { c.Slanger = broker.Slanger{AppID: "1", AnyChannel: anyChannel} }
}

// A message of each contract, and what comes of it: the events, as sink writes
// them, or the reason why it, or some of it, is dropped.
func TestMessagesAreDeliveredOrDroppedWithAReason(t *testing.T) {
	t.Parallel()
	const own, bare = "buildrelay:1:a", "a"
	long := strings.Repeat("x", protocol.MaxRedisData+1)
	cases := []struct {
		name, channel, payload string
		want                   []string
		dropped                string
	}{
		{"an object", own, `{"event":"e","data":"1"}`, []string{"event 1 a e 1"}, ""},
		{"any data", own, `{"event":"e","data":{"n": [1, 2]}}`, []string{`event 1 a e {"n":[1,2]}`}, ""},
		{"an exclusion", own, `{"event":"e","data":"1","socket_id":"1.2"}`, []string{"event 1 a e 1 not to 1.2"}, ""},
		{"other members", own, `{"event":"e","data":"1","channel":"b","x":1}`, []string{"event 1 a e 1"}, ""},
		{"an array", own, `[{"event":"e","data":"1"},{"event":"f","data":"2"}]`, []string{"event 1 a e 1", "event 1 a f 2"}, ""},
		{"an empty array", own, `[]`, nil, ""},
		{"a bad neighbour", own, `[{"event":"e","data":"1"},{"data":"2"},7,{"event":"f","data":"3"}]`, []string{"event 1 a e 1", "event 1 a f 3"}, "invalid"},
		{"nothing", own, ``, nil, "invalid"},
		{"text", own, `hello`, nil, "invalid"},
		{"half an object", own, `{"event":"e"`, nil, "invalid"},
		{"a number", own, `1`, nil, "invalid"},
		{"null", own, `null`, nil, "invalid"},
		{"a reserved name", own, `{"event":"pusher:error","data":"1"}`, nil, "invalid"},
		{"the relay's name", own, `{"event":"relay:lost","data":"1"}`, nil, "invalid"},
		{"an exclusion that is none", own, `{"event":"e","data":"1","socket_id":"x"}`, nil, "invalid"},
		{"an event that is no text", own, `{"event":["e"],"data":"1"}`, nil, "invalid"},
		{"too much data", own, `{"event":"e","data":"` + long + `"}`, nil, "invalid"},
		{"deep nesting", own, strings.Repeat("[", 20000), nil, "invalid"},

		{"Slanger's", bare, `{"event":"e","data":"1","channel":"a","socket_id":"1.2"}`, []string{"event 1 a e 1 not to 1.2"}, ""},
		{"Slanger's with more", bare, `{"x":{"y":1},"event":"e","data":"1","channel":"a","z":null}`, []string{`event 1 a e 1 with x={"y":1} with z=null`}, ""},
		{"Slanger's with data of any kind", bare, `{"event":"e","data":{"y":1},"channel":"a"}`, []string{`event 1 a e {"y":1}`}, ""},
		{"Slanger's with a position", bare, `{"event":"e","data":"1","channel":"a","relay":"x"}`, []string{"event 1 a e 1"}, ""},
		{"Slanger's without a channel", bare, `{"event":"e","data":"1"}`, nil, "invalid"},
		{"Slanger's without an event", bare, `{"data":"1","channel":"a"}`, nil, "invalid"},
		{"Slanger's for another channel", bare, `{"event":"e","data":"1","channel":"b"}`, nil, "other_channel"},
		{"Slanger's with an impossible channel", bare, `{"event":"e","data":"1","channel":"a b"}`, nil, "invalid"},
		{"Slanger's in an array", bare, `[{"event":"e","data":"1","channel":"a"}]`, nil, "invalid"},
	}
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), slanger(false))
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := map[string]float64{"invalid": r.dropped("invalid"), "other_channel": r.dropped("other_channel")}
			send(t, server, c.channel, c.payload)
			send(t, server, own, `{"event":"end","data":""}`)
			r.expect(append(c.want, "event 1 a end ")...)
			for reason, n := range before {
				want := n
				if c.dropped == reason {
					want++
				}
				if got := r.dropped(reason); got != want {
					t.Errorf("%v dropped as %s, want %v", got, reason, want)
				}
			}
		})
	}
	if r.links() != 1 {
		t.Errorf("%v links, want 1", r.links())
	}
}

func TestSlangersMessageMayNameAnyChannelIfSet(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), slanger(true))
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	send(t, server, "a", `{"event":"e","data":"1","channel":"b"}`)
	r.expect("event 1 b e 1")
}

func TestOnlySlangersAppHasBareNames(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), slanger(false))
	r.Watch("2", "a")
	r.expect("confirmed 2 a")
	send(t, server, "a", `{"event":"e","data":"1","channel":"a"}`)
	send(t, server, "buildrelay:2:a", `{"event":"e","data":"2"}`)
	r.expect("event 2 a e 2")
}

// Slanger ends when a message has no event or no channel, and knows no arrays.
func TestOwnEventsAreReadableForSlanger(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), slanger(false))
	peer := server.Client().Subscribe(t.Context(), "a")
	defer peer.Close()
	if _, err := peer.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	r.publish("1",
		protocol.Event{Name: "e", Channel: "a", Data: `{"n":1}`, Exclude: "1.2"},
		protocol.Event{Name: "f", Channel: "a"})
	for _, want := range []string{
		`{"event":"e","data":"{\"n\":1}","channel":"a","socket_id":"1.2"}`,
		`{"event":"f","data":"","channel":"a"}`,
	} {
		m, err := peer.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.Payload != want {
			t.Errorf("published %s, want %s", m.Payload, want)
		}
	}
	r.expect(`event 1 a e {"n":1} not to 1.2`, "event 1 a f ") // and each only once
	send(t, server, "a", `{"event":"end","data":"","channel":"a"}`)
	r.expect("event 1 a end ")
}

// Slanger does not know cache channels, nor those of users.
func TestWhatSlangerDoesNotKnowIsInTheRelaysContractAlone(t *testing.T) {
	t.Parallel()
	r := newCacheRig(t, relaytest.StartRedis(t).URL(), slanger(false))
	peer := r.client.PSubscribe(t.Context(), "*")
	defer peer.Close()
	if _, err := peer.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.publish("1", event("live", "1"), event("cache-a", "2"), event("#server-to-user-a", "3"))
	r.expectCached("2")
	r.expect("event 1 cache-a e 2")
	for _, want := range []string{"live", "buildrelay:1:cache-a", "buildrelay:1:#server-to-user-a"} {
		m, err := peer.ReceiveMessage(t.Context())
		for err == nil && strings.HasPrefix(m.Channel, "buildrelay:~beat:") {
			m, err = peer.ReceiveMessage(t.Context())
		}
		if err != nil || m.Channel != want {
			t.Errorf("published on %v (%v), want %s", m, err, want)
		}
	}
	if err := r.client.Publish(t.Context(), "cache-a", `{"event":"e","data":"4","channel":"cache-a","id":"x"}`).Err(); err != nil {
		t.Fatal(err)
	}
	r.expect(`event 1 cache-a e 4 with id="x"`)
	r.expectCached("2")
}

// Slanger, too, hands on who sent a client event.
func TestSlangersContractNamesWhoSentAClientEvent(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), slanger(false))
	r.Watch("1", "presence-a")
	r.expect("confirmed 1 presence-a")
	r.publish("1", protocol.Event{Name: "client-e", Channel: "presence-a", Data: "1", UserID: "u\"1", Exclude: "1.2"})
	r.expect(`event 1 presence-a client-e 1 not to 1.2 with user_id="u\"1"`)
}
