package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

func event(channel, data string) protocol.Event {
	return protocol.Event{Name: "e", Channel: channel, Data: data}
}

func events(channel string, data ...string) []protocol.Event {
	var all []protocol.Event
	for _, d := range data {
		all = append(all, event(channel, d))
	}
	return all
}

func TestChannelsAreHeardAgainAfterARestartOfRedis(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	r.Watch("1", "a")
	r.Watch("1", "b")
	r.expectAll("confirmed 1 a", "confirmed 1 b")
	server.Stop()
	r.expect("interrupted")
	if r.Ready() == nil {
		t.Error("ready without Redis")
	}
	if _, err := r.Publish(t.Context(), "1", events("a", "lost")); err == nil {
		t.Error("published without Redis")
	}
	r.Unwatch("1", "b")
	r.Watch("1", "c")
	server.Restart()
	r.expectAll("confirmed 1 a", "confirmed 1 c")
	r.waitReady()
	r.publish("1", event("b", "unwatched"), event("a", "1"))
	r.expect("event 1 a e 1")
	if subscribers(t, server, "buildrelay:1:b") != 0 {
		t.Error("channel b is subscribed to, and nobody wants it")
	}
}

func TestRedisMayComeLater(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	server.Stop()
	r := newRig(t, server.URL())
	r.Watch("1", "a")
	if r.Ready() == nil {
		t.Error("ready before it runs")
	}
	r.start()
	r.expectLog("level=WARN", "Redis is not heard", "refused")
	if r.Ready() == nil {
		t.Error("ready without Redis")
	}
	server.Restart()
	r.expect("confirmed 1 a") // and no interruption of what was never heard
	r.publish("1", event("a", "1"))
	r.expect("event 1 a e 1")
}

func TestAKilledConnectionIsReplacedAndTheLossTold(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	for range 5 {
		if err := server.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		r.expect("interrupted", "confirmed 1 a")
		send(t, server, "buildrelay:1:a", `{"event":"e","data":"1"}`)
		r.expect("event 1 a e 1")
	}
	if r.links() != 6 {
		t.Errorf("%v links, want 6", r.links())
	}
}

// The connections that publish may end without harm to the one that hears.
func TestAKilledPublisherDoesNotInterrupt(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	if err := server.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil {
		t.Fatal(err)
	}
	before := calls(t, server, "publish")
	relaytest.Eventually(t, "heartbeats go on for longer than a link may be silent", func() bool { return calls(t, server, "publish") > before+6 })
	r.publish("1", event("a", "1"))
	r.expect("event 1 a e 1")
	if r.links() != 1 {
		t.Errorf("%v links, want 1", r.links())
	}
}

// noticed is how soon a silent link must be noticed. It takes 2.5 s; the rest is for
// a slow machine.
const noticed = 4 * time.Second

func TestABlackHoleIsNoticed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	p := faults.StartHoleLink(t, server.Address())
	r := startRig(t, "redis://"+p.Address())
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	manyAtOnce(r) // the connections of which die, too

	p.Swallow()
	since := time.Now()
	r.expect("interrupted")
	if took := time.Since(since); took > noticed {
		t.Errorf("noticed after %s", took)
	}
	if r.Ready() == nil {
		t.Error("ready while nothing is heard")
	}
	r.expectLog("level=WARN", "nothing came for")
	if _, err := r.Publish(t.Context(), "1", events("a", "1")); err == nil {
		t.Error("published into a hole")
	}
	p.Repair()
	r.expect("confirmed 1 a")
	r.waitReady()
	r.publish("1", event("a", "2"))
	r.expect("event 1 a e 2")
	if r.links() != 2 {
		t.Errorf("%v links, want 2: dead connections of the publisher cost no more", r.links())
	}
}

// manyAtOnce publishes to nobody by as many connections as it takes.
func manyAtOnce(r *rig) {
	var running sync.WaitGroup
	for i := range 50 {
		running.Go(func() {
			if _, err := r.Publish(r.t.Context(), "1", events(fmt.Sprint("nobody", i), "1")); err != nil {
				r.t.Error(err)
			}
		})
	}
	running.Wait()
}

// A Redis that takes a connection and says nothing does not hold up the end.
func TestABrokerThatConnectsEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"redis", "rediss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			p := faults.StartHoleLink(t, relaytest.StartRedis(t).Address())
			p.Swallow()
			r := newRig(t, scheme+"://"+p.Address())
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			// The test waits for ended.
			go func() {
				defer close(ended)
				r.Run(ctx, sink{r.told}, func() {})
			}()
			relaytest.Eventually(t, "it connects", func() bool { return p.Connections() > 0 })
			since := time.Now()
			stop()
			<-ended
			if took := time.Since(since); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAFrozenRedisIsNoticed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	server.Freeze()
	since := time.Now()
	r.expect("interrupted")
	if took := time.Since(since); took > noticed {
		t.Errorf("noticed after %s", took)
	}
	if r.Ready() == nil {
		t.Error("ready while Redis stands still")
	}
	server.Thaw()
	r.expect("confirmed 1 a")
	r.publish("1", event("a", "1"))
	r.expect("event 1 a e 1")
}

func TestSubscribersThatComeWhileLinksFailAreAllConfirmed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	const rounds, channels = 3, 100
	var running sync.WaitGroup
	defer running.Wait()
	for round := range rounds {
		r.waitReady()
		running.Go(func() {
			for i := range channels {
				r.Watch("1", fmt.Sprintf("c%d-%d", round, i))
			}
		})
		if err := server.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		for r.told.next(t, "interrupted") != "interrupted" {
		}
	}
	heard := map[string]bool{}
	for len(heard) < rounds*channels {
		heard[r.told.next(t, "confirmations")] = true
	}
}
