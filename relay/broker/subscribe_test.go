package broker_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// subscribers is how many connections are subscribed to a Redis channel.
func subscribers(t *testing.T, server *relaytest.Redis, name string) int64 {
	t.Helper()
	counts, err := server.Client().PubSubNumSub(t.Context(), name).Result()
	if err != nil {
		t.Fatal(err)
	}
	return counts[name]
}

// send publishes as a backend does, in Redis.
func send(t *testing.T, server *relaytest.Redis, name, payload string) {
	t.Helper()
	if err := server.Client().Publish(t.Context(), name, payload).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestRedisSendsOnlyWhatIsWatched(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	r.Watch("1", "a")
	r.Watch("1", "b")
	r.expectAll("confirmed 1 a", "confirmed 1 b")
	send(t, server, "buildrelay:1:a", `{"event":"e","data":"1"}`)
	r.expect("event 1 a e 1")

	r.Unwatch("1", "a")
	relaytest.Eventually(t, "channel a is not subscribed to", func() bool { return subscribers(t, server, "buildrelay:1:a") == 0 })
	send(t, server, "buildrelay:1:a", `{"event":"e","data":"2"}`)
	send(t, server, "buildrelay:1:c", `{"event":"e","data":"3"}`)
	send(t, server, "buildrelay:2:b", `{"event":"e","data":"4"}`)
	send(t, server, "buildrelay:1:b", `{"event":"e","data":"5"}`)
	r.expect("event 1 b e 5")
	names, err := server.Client().PubSubChannels(t.Context(), "*").Result()
	if err != nil || len(names) != 2 { // b and the heartbeat
		t.Errorf("subscribed to %q (%v)", names, err)
	}
}

func TestAChannelIsConfirmedEachTimeItIsAskedFor(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	for range 300 {
		r.Watch("1", "a")
		r.expect("confirmed 1 a")
		r.Unwatch("1", "a") // the unsubscribe is under way, or not yet, at the next Watch
	}
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	send(t, server, "buildrelay:1:a", `{"event":"e","data":"1"}`)
	r.expect("event 1 a e 1")
	if r.links() != 1 {
		t.Errorf("%v links, want 1", r.links())
	}
}

func TestManyChannelsTakeFewCommands(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := newRig(t, server.URL())
	var want []string
	for i := range 1200 {
		r.Watch("1", fmt.Sprint("c", i))
		want = append(want, fmt.Sprint("confirmed 1 c", i))
	}
	r.start().expect(want...)
	if got := calls(t, server, "subscribe"); got != 4 {
		t.Errorf("%d SUBSCRIBE commands, want 1 for the heartbeat and 3", got)
	}
	send(t, server, "buildrelay:1:c0", `{"event":"e","data":"first"}`)
	send(t, server, "buildrelay:1:c1199", `{"event":"e","data":"last"}`)
	r.expect("event 1 c0 e first", "event 1 c1199 e last")
	for i := range 1200 {
		r.Unwatch("1", fmt.Sprint("c", i))
	}
	relaytest.Eventually(t, "nothing but the heartbeat is subscribed to", func() bool {
		names, err := server.Client().PubSubChannels(t.Context(), "*").Result()
		return err == nil && len(names) == 1
	})
}

// calls is how many commands of a kind Redis carried out.
func calls(t *testing.T, server *relaytest.Redis, command string) int {
	t.Helper()
	stats, err := server.Client().Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("cmdstat_" + command + `:calls=(\d+)`).FindStringSubmatch(stats)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// Someone publishes all the time. From each confirmation on, every event that is
// published later arrives, until the channel is given up.
func TestNothingPublishedAfterAConfirmationIsMissed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	r := startRig(t, server.URL())
	p := startCounting(t, server, "buildrelay:1:a")
	defer p.stop()
	for range 100 {
		r.Watch("1", "a")
		for r.told.next(t, "confirmed 1 a") != "confirmed 1 a" {
		}
		last := p.started.Load() // those after this one began after the confirmation
		for got := int64(0); got < last+20; {
			text := r.told.next(t, "an event")
			n, err := strconv.ParseInt(strings.TrimPrefix(text, "event 1 a e "), 10, 64)
			if err != nil {
				t.Fatalf("told %q", text)
			}
			if n > last && n != max(got, last)+1 {
				t.Fatalf("event %d after %d, confirmed after %d", n, got, last)
			}
			got = n
		}
		r.Unwatch("1", "a")
	}
}

// counting publishes the numbers from 1 on.
type counting struct {
	started atomic.Int64
	stop    func()
}

func startCounting(t *testing.T, server *relaytest.Redis, name string) *counting {
	p := &counting{}
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for n := int64(1); ; n++ {
			select {
			case <-ended:
				return
			default:
			}
			p.started.Store(n)
			if err := server.Client().Publish(t.Context(), name, fmt.Sprintf(`{"event":"e","data":"%d"}`, n)).Err(); err != nil {
				t.Errorf("publishing: %v", err)
				return
			}
		}
	})
	p.stop = func() {
		close(ended)
		running.Wait()
	}
	return p
}

func TestEventsOfOneCallArriveInOrderOnEveryNode(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	one, two := startRig(t, server.URL()), startRig(t, server.URL())
	for _, r := range []*rig{one, two} {
		r.Watch("1", "a")
		r.expect("confirmed 1 a")
		r.Watch("1", "b")
		r.expect("confirmed 1 b")
	}
	event := func(channel, data string) protocol.Event {
		return protocol.Event{Name: "e", Channel: channel, Data: data}
	}
	one.publish("1", event("a", "1"), event("a", "2"), event("b", "3"), event("a", "4"))
	one.publish("1")
	two.publish("2", event("a", "of another app"))
	two.publish("1", protocol.Event{Name: "e", Channel: "b", Data: "5", Exclude: "1.2"})
	for _, r := range []*rig{one, two} {
		r.expect("event 1 a e 1", "event 1 a e 2", "event 1 b e 3", "event 1 a e 4", "event 1 b e 5 not to 1.2")
	}
}
