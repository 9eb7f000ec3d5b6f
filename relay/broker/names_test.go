package broker

import (
	"testing"

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
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range newNames("p", "node", "2").messages(c.app, c.events) {
				got = append(got, m.name+" "+string(m.payload))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutSlangersAppNoNameIsBare(t *testing.T) {
	for _, app := range []string{"", "1"} {
		if got := newNames("p", "node", "").all(app, "a"); len(got) != 1 || got[0] != "p:"+app+":a" {
			t.Errorf("app %q: %q", app, got)
		}
	}
}
