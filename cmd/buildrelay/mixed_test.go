package main_test

import (
	"net/http"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// newMixed starts two nodes, the first of which is of the version before.
func newMixed(t *testing.T, env map[string]string) fallbackNodes {
	t.Helper()
	if !relaytest.Full() {
		t.Skip("the version before is built for the whole matrix alone")
	}
	old := relaytest.BuildAt(t, relaytest.VersionBefore)
	n := newFallbackNodes(t, 2, env, nil)
	n.all[0].Become(old)
	n.all[0].Restart()
	return n
}

// bothWays runs a subtest from the old node to the new one, and the other way round.
func bothWays(t *testing.T, n fallbackNodes, name string, test func(t *testing.T, from, to world)) {
	t.Helper()
	for i, direction := range []string{"old to new", "new to old"} {
		t.Run(name+", "+direction, func(t *testing.T) {
			from, to := n.all[i], n.all[1-i]
			test(t, world{from.For(t), n.redis}, world{to.For(t), n.redis})
		})
	}
}

func TestTheVersionBeforeWorksTogetherWithThisOne(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t)
	env := hookEnv(hooks)
	env["RELAY_LOG_RULES"] = "private-log-* replay=all"
	n := newMixed(t, env)
	bothWays(t, n, "events", mixedEvents)
	bothWays(t, n, "members", mixedMembers)
	bothWays(t, n, "users", mixedUsers)
	bothWays(t, n, "webhooks", func(t *testing.T, from, to world) { mixedWebhooks(t, hooks.For(t), from, to) })
	t.Run("sessions", func(t *testing.T) {
		overFallbacks(t, func(t *testing.T, options relaytest.XHROptions) {
			c := n.connect(t, options)
			channel := "private-" + strings.ReplaceAll(c.Session, "/", "-")
			c.Subscribe(channel)
			for range 5 {
				for _, w := range n.all {
					w.For(t).Publish(relaytest.Trigger{Event: "e", Data: "{}", Channels: []string{channel}})
					c.Expect("e")
					c.ExpectOpen()
				}
			}
		})
	})
	n.expectForwarded(t)
}

// mixedEvents has events, live and of a log, cross from one node to the other.
func mixedEvents(t *testing.T, from, to world) {
	live, log := "private-live-"+t.Name()[len(t.Name())-3:], "private-log-"+t.Name()[len(t.Name())-3:]
	reader, sender := to.Connect(), from.Connect()
	sender.Subscribe(live)
	for _, channel := range []string{live, log} {
		reader.Subscribe(channel)
		from.publish("e", `"1"`, channel)
		reader.Expect("e")
	}
	sender.Trigger(live, "client-e", `"2"`)
	reader.Expect("client-e")
	from.publish("e", `"2"`, log)
	reader.Expect("e")
	late := to.Connect()
	late.Subscribe(log)
	for _, want := range []string{`"1"`, `"2"`} {
		if got := late.Await("e").DataString(t); got != want {
			t.Errorf("who came late got %s, want %s", got, want)
		}
	}
}

// mixedMembers has members of one node seen on the other.
func mixedMembers(t *testing.T, from, to world) {
	channel := "presence-" + t.Name()[len(t.Name())-3:]
	watcher := to.Connect()
	watcher.Join(channel, "watcher")
	member := from.Connect()
	member.Join(channel, "member")
	watcher.ExpectJoined(channel, "member")
	member.Cut()
	watcher.ExpectLeft(channel, "member")
}

// mixedUsers has a user of one node told, and thrown out, by the other.
func mixedUsers(t *testing.T, from, to world) {
	c := to.Connect()
	c.Signin("u1")
	c.Subscribe("#server-to-user-u1")
	from.publish("hello", "{}", "#server-to-user-u1")
	c.Expect("hello")
	if status, reply := from.Request(http.MethodPost, "/users/u1/terminate_connections", "{}"); status != http.StatusOK {
		t.Fatalf("terminating: %d %s", status, reply)
	}
	expectEnd(t, c, 4009)
}

// mixedWebhooks has what happens on both nodes told once, in order.
func mixedWebhooks(t *testing.T, hooks *relaytest.Hooks, from, to world) {
	channel := "presence-hook-" + t.Name()[len(t.Name())-3:]
	a, b := from.Connect(), to.Connect()
	a.Join(channel, "a")
	b.Join(channel, "b")
	a.ExpectJoined(channel, "b")
	a.Cut()
	b.ExpectLeft(channel, "a")
	b.Cut()
	hooks.Await(protocol.HookVacated, channel)
	want := map[string]int{protocol.HookOccupied: 1, protocol.HookVacated: 1, protocol.HookMemberAdded: 2, protocol.HookMemberRemoved: 2}
	got := map[string]int{}
	for _, name := range hooks.NamesOf(channel) {
		got[name]++
	}
	for name, times := range want {
		if got[name] != times {
			t.Errorf("%s was told %d times: %v", name, got[name], hooks.NamesOf(channel))
		}
	}
}
