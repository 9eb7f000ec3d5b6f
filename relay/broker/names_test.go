package broker

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestEventsArePutIntoMessagesInOrder(t *testing.T) {
	event := func(channel, name string) protocol.Event {
		return protocol.Event{Name: name, Channel: channel, Data: "d", Exclude: "1.2"}
	}
	events := []protocol.Event{event("a", "1"), event("a", "2"), event("b", "3"), event("a", "4")}
	object := func(name string) string { return `{"event":"` + name + `","data":"d","socket_id":"1.2"}` }
	slangers := func(channel, name string) string {
		return channel + ` {"event":"` + name + `","data":"d","channel":"` + channel + `","socket_id":"1.2"}`
	}
	cached := []protocol.Event{
		{Channel: "cache-a", Name: "1"},
		{Channel: "cache-a", Name: "2"},
		{Channel: "cache-a", Name: "client-3"},
		{Channel: "cache-b", Name: "client-4"},
		{Channel: "cache-a", Name: "5"},
	}
	plain := func(name string) string { return `{"event":"` + name + `","data":""}` }
	cases := map[string]struct {
		app    string
		events []protocol.Event
		want   []string
	}{
		"nothing":   {app: "1"},
		"one event": {"1", events[:1], []string{"p:1:a " + object("1")}},
		"runs of a channel are arrays": {"1", events, []string{
			"p:1:a [" + object("1") + "," + object("2") + "]", "p:1:b " + object("3"), "p:1:a " + object("4"),
		}},
		"Slanger reads one event a message": {"2", events, []string{
			slangers("a", "1"), slangers("a", "2"), slangers("b", "3"), slangers("a", "4"),
		}},
		"the last one of a run that is no client's is kept": {"1", cached, []string{
			"p:1:cache-a [" + plain("1") + "," + plain("2") + "," + plain("client-3") + "] keeps p:{1:cache-a}:cache " + plain("2"),
			"p:1:cache-b " + plain("client-4"),
			"p:1:cache-a " + plain("5") + " keeps p:{1:cache-a}:cache " + plain("5"),
		}},
		"what Slanger does not know is not in its contract": {"2", append(cached[3:], event("#server-to-user-1", "6"), event("presence-a", "7")), []string{
			"p:2:cache-b " + plain("client-4"),
			"p:2:cache-a " + plain("5") + " keeps p:{2:cache-a}:cache " + plain("5"),
			"p:2:#server-to-user-1 " + object("6"),
			slangers("presence-a", "7"),
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range newNames("p", "node", "2", nil).messages(c.app, c.events, time.Minute) {
				text := m.name + " " + string(m.payload)
				if m.isKept() {
					text += " keeps " + m.key + " " + string(m.cached)
				}
				if m.isKept() != (m.ttl == time.Minute) {
					t.Errorf("%s: kept for %s", text, m.ttl)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheNamesOfAChannelAreThoseOfWhatItCarries(t *testing.T) {
	n := newNames("p", "node", "2", func(_, channel string) bool { return channel == "a" })
	for channel, want := range map[[2]string][]string{
		{"1", "a"}: {"p:1:a", "p:~roster:1:a"},
		{"1", "b"}: {"p:1:b"},
		{"2", "a"}: {"p:2:a", "a", "p:~roster:2:a"},
	} {
		got := n.all(channel[0], channel[1])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", channel, diff)
		}
		for i, name := range got {
			if last := channel[1] == "a" && i == len(got)-1; n.tellsRoll(name) != last {
				t.Errorf("%s is taken for one of a roll, or not", name)
			}
		}
	}
}

func TestWithoutSlangersAppNoNameIsBare(t *testing.T) {
	for _, app := range []string{"", "1"} {
		if got := newNames("p", "node", "", nil).all(app, "a"); len(got) != 1 || got[0] != "p:"+app+":a" {
			t.Errorf("app %q: %q", app, got)
		}
	}
}
