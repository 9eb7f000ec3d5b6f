package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// The number of a channel's subscriptions, over all nodes, is told as it was in the end,
// and not each time that it changes.
func TestWebhooksOfCounts(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t)
	n := newNodes(t, 2, withCounts(hookEnv(hooks)))
	n.apart(t, "tell the last one", func(t *testing.T, p place) {
		hooks := hooks.For(t)
		var clients []*relaytest.WSClient
		begun := time.Now()
		for i := range 30 {
			clients = append(clients, p.connect(i))
			join(clients[i], "news", "")
			join(clients[i], "presence-x", strconv.Itoa(i))
		}
		awaitHookCount(t, hooks, 30)
		for _, c := range clients[:20] {
			c.Cut()
		}
		awaitHookCount(t, hooks, 10)
		for _, c := range clients {
			c.Cut()
		}
		hooks.Await(protocol.HookVacated, "news")
		hooks.Await(protocol.HookVacated, "presence-x")
		most := 2 + int(time.Since(begun)/time.Second)
		counts := slices.DeleteFunc(hooks.Of("news"), func(e relaytest.HookEvent) bool { return e.Name != protocol.HookCount })
		if len(counts) > most {
			t.Errorf("%d counts were told, at most %d should have been", len(counts), most)
		}
		for _, count := range counts {
			if !slices.Equal(count.Members, []string{"channel", "name", "subscription_count"}) {
				t.Errorf("a count has %q", count.Members)
			}
		}
		if slices.Contains(hooks.NamesOf("presence-x"), protocol.HookCount) {
			t.Error("the count of a presence channel was told")
		}
	})
}

// awaitHookCount passes over other counts.
func awaitHookCount(t *testing.T, hooks *relaytest.Hooks, want int) {
	t.Helper()
	for {
		event, _ := hooks.Await(protocol.HookCount, "news")
		if event.Count == want {
			return
		}
	}
}

// killedWorld is two nodes, of which one is killed while neither gets an answer.
type killedWorld struct {
	nodes
	t        *testing.T
	hooks    *relaytest.Hooks
	channels []string
	clients  []*relaytest.WSClient
}

const killedEvents = 5 // client events on each channel

// Whichever node was telling, another one goes on, from what Redis has: each event is
// told, under the name that it had, and those of a channel in their order.
func TestWebhooksOutliveTheNodeThatTellsThem(t *testing.T) {
	t.Parallel()
	victims := 1
	if relaytest.Full() {
		victims = 2
	}
	for victim := range victims {
		t.Run(fmt.Sprintf("node %d", victim), func(t *testing.T) {
			t.Parallel()
			hooks := relaytest.StartHooks(t, relaytest.HookHang())
			w := killedWorld{nodes: newNodes(t, 2, hookEnv(hooks)), t: t, hooks: hooks}
			w.speak()
			hooks.ExpectCall(1)
			w.awaitNoted()
			w.all[victim].Kill()
			before := hooks.Calls()
			hooks.Answer(relaytest.HookStatus(200))
			for _, c := range w.clients {
				c.Cut()
			}
			for _, channel := range w.channels {
				hooks.Await(protocol.HookVacated, channel)
			}
			w.judge(before)
		})
	}
}

// speak has clients on both nodes do what is told.
func (w *killedWorld) speak() {
	for i := range 12 {
		c, channel := w.all[i%2].Connect(), fmt.Sprintf("private-%d", i)
		c.Subscribe(channel)
		for n := range killedEvents {
			c.Trigger(channel, "client-n", strconv.Itoa(n))
		}
		c.ExpectOpen()
		w.clients, w.channels = append(w.clients, c), append(w.channels, channel)
	}
}

// awaitNoted waits until Redis has all of it: what a node has yet to note is lost with it.
func (w *killedWorld) awaitNoted() {
	w.t.Helper()
	client := relaytest.RedisClient(w.t, w.redis.URL())
	relaytest.Eventually(w.t, "Redis has all that is to be told", func() bool {
		noted := int64(0)
		for partition := range 16 {
			noted += client.XLen(w.t.Context(), fmt.Sprintf("buildrelay:{~roster:%d}:out", partition)).Val()
		}
		return noted == int64(len(w.channels)*(1+killedEvents))
	})
}

// judge compares what came after the kill with what had to come. Before it nobody was
// answered.
func (w *killedWorld) judge(before []relaytest.HookCall) {
	w.t.Helper()
	names := make(map[string]string) // what an event is → its id
	for _, call := range before {
		w.named(names, call)
	}
	told := make(map[string][]string)
	for _, call := range w.hooks.Calls()[len(before):] {
		w.named(names, call)
		for _, e := range call.Events {
			what := e.Name + e.Data
			if !slices.Contains(told[e.Channel], what) {
				told[e.Channel] = append(told[e.Channel], what)
			}
		}
	}
	for _, channel := range w.channels {
		want := []string{protocol.HookOccupied}
		for n := range killedEvents {
			want = append(want, protocol.HookClientEvent+strconv.Itoa(n))
		}
		if diff := cmp.Diff(append(want, protocol.HookVacated), told[channel]); diff != "" {
			w.t.Errorf("told of %s after the kill (- wanted, + got):\n%s", channel, diff)
		}
	}
}

// named notes the ids of a call's events, and that each event has one.
func (w *killedWorld) named(names map[string]string, call relaytest.HookCall) {
	w.t.Helper()
	for _, e := range call.Events {
		what, err := json.Marshal([]string{e.Channel, e.Name, e.Data})
		if err != nil {
			w.t.Fatal(err)
		}
		if id, ok := names[string(what)]; ok && id != e.ID {
			w.t.Errorf("%s was called %q, and then %q", what, id, e.ID)
		}
		names[string(what)] = e.ID
	}
}
