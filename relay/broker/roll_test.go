package broker_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// tellsPresence tells the rolls of presence and users' channels.
func tellsPresence(c *broker.Config) {
	c.TellsRoll = func(_, channel string) bool {
		kind := protocol.KindOf(channel)
		return kind.Presence() || kind == protocol.User
	}
}

func TestChangesOfARollAreDeliveredInOrderWithEvents(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), tellsPresence)
	r.Watch("1", "presence-a")
	r.Watch("1", "public-a")
	r.expect("confirmed 1 presence-a", "confirmed 1 public-a")
	roster := protocol.RosterTopic("buildrelay", "1", "presence-a")
	for i := range 100 {
		send(t, server, "buildrelay:1:presence-a", fmt.Sprintf(`{"event":"e","data":"%d"}`, i))
		change := fmt.Sprintf(`{"e":"x","p":"%d","v":"%d",`, i, i+1) + []string{
			`"join":"u","info":"{\"name\":\"Ü\"}"}`, `"leave":"u"}`, `"count":"7"}`, `"end":"1"}`,
		}[i%4]
		send(t, server, roster, change)
		r.expect(fmt.Sprintf("event 1 presence-a e %d", i), "change 1 presence-a "+change)
	}

	for _, silent := range []string{
		protocol.RosterTopic("buildrelay", "2", "presence-a"), protocol.RosterTopic("buildrelay", "1", "presence-b"),
		protocol.RosterTopic("buildrelay", "1", "public-a"), protocol.RosterTopic("other", "1", "presence-a"),
	} {
		if n := subscribers(t, server, silent); n != 0 {
			t.Errorf("%s is subscribed to", silent)
		}
	}
	r.Unwatch("1", "presence-a")
	relaytest.Eventually(t, "the roll is not subscribed to", func() bool { return subscribers(t, server, roster) == 0 })
}

func TestWhatIsNoChangeIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), tellsPresence, slanger(true))
	r.Watch("1", "presence-a")
	r.expect("confirmed 1 presence-a")
	roster := protocol.RosterTopic("buildrelay", "1", "presence-a")
	const good = `{"e":"x","p":"0","v":"1","leave":"u"}`
	for i, bad := range []string{
		"", "x", "[]", "null", "{}", `{"event":"e","data":"1"}`, `{"event":"e","data":"1","channel":"presence-a"}`,
		`{"e":"x","p":"0","v":"1"}`, `{"e":"x","p":0,"v":1,"leave":"u"}`, `{"e":"x","p":"2","v":"1","leave":"u"}`,
		`{"e":"x","p":"0","v":"1","leave":"u","join":"u"}`, `{"e":"x","p":"0","v":"1","join":"u","info":"7"}`,
		`{"e":"x","p":"0","v":"1","leave":""}`, "[" + good + "]", strings.Repeat("[", 20000), strings.Repeat("x", 5<<20),
	} {
		send(t, server, roster, bad)
		send(t, server, roster, good)
		r.expect("change 1 presence-a " + good)
		if n := r.dropped("invalid"); n != float64(i+1) {
			t.Errorf("%.80q: %v dropped, want %d", bad, n, i+1)
		}
	}
	send(t, server, "buildrelay:1:presence-a", good) // a change is none where events are
	send(t, server, "presence-a", good)
	send(t, server, "presence-a", `{"event":"e","data":"1","channel":"presence-a"}`)
	r.expect("event 1 presence-a e 1")
}

func TestAChannelWhoseRollMayNotBeHeardIsRefused(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:~beat:*", "&buildrelay:1:*"))
	r := startRig(t, server.URLFor("relay", "hunter2"), tellsPresence)
	r.Watch("1", "presence-a")
	r.expect("refused 1 presence-a")
	r.Watch("1", "public-a")
	r.expect("confirmed 1 public-a")
}

// A user's id may hold any characters, and so the name of the channel in Redis.
func TestUsersChannelsWorkWhateverTheIDIs(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL(), tellsPresence, slanger(false))
	for _, app := range []string{"1", "2"} {
		for _, id := range []string{
			"u1", "a:b", "{x}", "a b", "*", "é\u2028", "\x00\r\n$5\r\n", "#server-to-user-u1", "~roster:1:presence-a",
			"buildrelay:1:a", strings.Repeat("ü", 128),
		} {
			channel := protocol.UserPrefix + id
			r.Watch(app, channel)
			r.expect("confirmed " + app + " " + channel)
			r.publish(app, event(channel, "1"))
			send(t, server, protocol.RosterTopic("buildrelay", app, channel), `{"e":"x","p":"0","v":"1","end":"1"}`)
			r.expect("event "+app+" "+channel+" e 1", "change "+app+" "+channel+` {"e":"x","p":"0","v":"1","end":"1"}`)
		}
	}
}
