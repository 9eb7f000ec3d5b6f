package broker_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// An event of the past, one that was kept long ago, none, and what is none.
func TestTheLastEventIsTold(t *testing.T) {
	eachCacheRig(t, func(t *testing.T, r *cacheRig) {
		ask := func() { r.AskCache("1", "cache-a") }
		ask()
		r.expect("cached 1 cache-a  ")
		r.publish("1", protocol.Event{Name: "e", Channel: "cache-a", Data: "1", Exclude: "1.2"})
		r.expect("event 1 cache-a e 1 not to 1.2")
		ask()
		r.expect("cached 1 cache-a e 1")
		r.set("x", 0)
		ask()
		r.expect("cached 1 cache-a  ")
		r.client.Del(t.Context(), cacheKey)
		r.client.RPush(t.Context(), cacheKey, "1")
		ask()
		r.expect("cached 1 cache-a  ")
	})
}

func TestManyAsksAreAnsweredInFewSteps(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	const channels = 1200
	var want []string
	for i := range channels {
		app, channel := strconv.Itoa(i%3), fmt.Sprintf("cache-%d", i/3)
		if i%2 == 0 {
			r.publish(app, event(channel, strconv.Itoa(i)))
			want = append(want, "cached "+app+" "+channel+" e "+strconv.Itoa(i))
		} else {
			want = append(want, "cached "+app+" "+channel+"  ")
		}
	}
	before := calls(t, server, "exec")
	for i := range channels {
		r.AskCache(strconv.Itoa(i%3), fmt.Sprintf("cache-%d", i/3))
	}
	r.expectAll(want...)
	if n := calls(t, server, "exec") - before; n > 10 {
		t.Errorf("%v steps", n)
	}
}

func TestAReadThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, user("node", nodeRights, "-pttl"))
	r := startRig(t, server.URLFor("node", "hunter2"))
	for _, channel := range []string{"cache-a", "cache-b"} {
		r.Watch("1", channel)
		r.expect("confirmed 1 " + channel)
		r.AskCache("1", channel)
	}
	r.expectLog("level=WARN", "cache channels cannot be read", "NOPERM")
	before := calls(t, server, "exec")
	relaytest.Eventually(t, "it is tried again", func() bool { return calls(t, server, "exec") > before+1 })
	r.publish("1", event("cache-a", "1"))
	r.expect("event 1 cache-a e 1")
	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "node", "+pttl").Err(); err != nil {
		t.Fatal(err)
	}
	r.expectAll("cached 1 cache-a e 1", "cached 1 cache-b  ")
	for line, logged := r.logged.take(); logged; line, logged = r.logged.take() {
		if strings.Contains(line, "WARN") {
			t.Errorf("logged %q", line)
		}
	}
}

// beat is the Redis channel of the only node.
func beat(t *testing.T, server *relaytest.Redis) string {
	t.Helper()
	var found []string
	relaytest.Eventually(t, "the node hears itself", func() bool {
		found = server.Client().PubSubChannels(t.Context(), "buildrelay:~beat:*").Val()
		return len(found) == 1
	})
	return found[0]
}

// What others publish on the node's own channel is not a token, and no heartbeat.
func TestAForgedTokenDoesNothing(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:*", "-publish"))
	r := newRig(t, server.URLFor("relay", "hunter2"))
	r.Watch("1", "cache-a")
	r.start()
	own := beat(t, server)
	r.expect("confirmed 1 cache-a")
	for _, forged := range []string{"", "x", "\x00", "@", "@127.0.0.1:1", strings.Repeat("A", 26), `{"event":"e"}`} {
		send(t, server, own, forged)
	}
	send(t, server, "buildrelay:1:cache-a", `{"event":"after","data":""}`)
	r.expect("event 1 cache-a after ")
	if r.Ready() == nil {
		t.Error("the node takes what is forged for its heartbeat")
	}
}

// A token that somebody overheard is none any more.
func TestATokenThatIsRepeatedDoesNothing(t *testing.T) {
	t.Parallel()
	r := newCacheRig(t, relaytest.StartRedis(t).URL())
	spy := r.client.PSubscribe(t.Context(), "buildrelay:~beat:*")
	defer spy.Close()
	if _, err := spy.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.AskCache("1", "cache-a")
	r.expect("cached 1 cache-a  ")
	m, err := spy.ReceiveMessage(t.Context())
	for err == nil && m.Payload == "" {
		m, err = spy.ReceiveMessage(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.client.Publish(t.Context(), m.Channel, m.Payload)
	}
	r.publish("1", event("cache-a", "1"))
	r.expect("event 1 cache-a e 1")
	r.AskCache("1", "cache-a")
	r.expect("cached 1 cache-a e 1")
}

// askingSink asks for the last event of what is heard, as the hub does.
type askingSink struct {
	sink
	rig *rig
}

func (s askingSink) Confirmed(appID, channel string) {
	s.sink.Confirmed(appID, channel)
	s.rig.AskCache(appID, channel)
}

func startAskingRig(t *testing.T, url string, changes ...func(*broker.Config)) *rig {
	r := newRig(t, url, changes...)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx, askingSink{sink{r.told}, r}, func() {}) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	r.waitReady()
	return r
}

// publishAllTheTime publishes the numbers from 1 on until the test ends.
func publishAllTheTime(t *testing.T, publisher *rig) {
	ended := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-ended:
				return
			default:
			}
			if _, err := publisher.Publish(context.Background(), "1", events("cache-a", strconv.Itoa(n))); err != nil {
				t.Errorf("publishing: %v", err)
				return
			}
		}
	})
	t.Cleanup(func() {
		close(ended)
		publishing.Wait()
	})
}

// Someone publishes all the time. Between what is kept and what is heard is no hole, and
// nothing twice: before it comes what is older, and it, after it what is newer. That is so
// for who just came, and when the link was lost at any time between.
func TestWhatIsKeptAndWhatIsHeardHaveNoHoleBetween(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*broker.Config){"own contract": nil, "Slanger's": {slanger(false)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := relaytest.StartRedis(t)
			publisher, r := newRig(t, server.URL()), startAskingRig(t, server.URL(), change...)
			publishAllTheTime(t, publisher)
			relaytest.Eventually(t, "an event is kept", func() bool { return r.readCaches(cacheA)[0].Event.Name != "" })
			for range 40 {
				r.Watch("1", "cache-a")
				waitConfirmed(r)
				expectNoHole(r, 5)
				r.Unwatch("1", "cache-a")
			}
			r.Watch("1", "cache-a")
			waitConfirmed(r)
			for i := range 25 {
				if i%5 == 0 {
					expectNoHole(r, 5)
				}
				if err := server.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
					t.Fatal(err)
				}
				for r.told.next(t, "interrupted") != "interrupted" {
				}
				r.expect("confirmed 1 cache-a")
			}
			expectNoHole(r, 100)
		})
	}
}

func waitConfirmed(r *rig) {
	r.t.Helper()
	for r.told.next(r.t, "confirmed 1 cache-a") != "confirmed 1 cache-a" {
	}
}

// expectNoHole reads what is told from the confirmation on, until some events after what
// was kept.
func expectNoHole(r *rig, more int) {
	r.t.Helper()
	var all []string
	for last, kept := 0, 0; kept == 0 || last < kept+more; {
		text := r.told.next(r.t, "an event")
		if all = append(all, text); len(all) > 20 {
			all = slices.Delete(all, 0, 1)
		}
		number, cached := strings.CutPrefix(text, "cached 1 cache-a e ")
		n, err := strconv.Atoi(strings.TrimPrefix(number, "event 1 cache-a e "))
		switch {
		case err != nil, cached && kept != 0, cached && last != 0 && n != last, !cached && last != 0 && n != last+1:
			r.t.Fatalf("told %q", all)
		case cached:
			kept = n
		}
		last = n
	}
}
