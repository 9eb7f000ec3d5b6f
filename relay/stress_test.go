package relay_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

const (
	stressChannels = 5
	stressClients  = 12
)

// Readers come and go, and stall at random, while events are published. Whatever a
// reader sees of a channel is a piece of the sequence without a hole or a repeat,
// but for holes of which it was told the exact size; and in the end it has the last
// event and no feed holds memory.
func TestReadersSeeEveryEventOrAreToldHowManyTheyMissed(t *testing.T) {
	// Less than five feeds may hold, so that they are cut.
	stress(t, stressConfig{events: 6_000, size: 4000, memory: 512 << 10, mayLose: true})
}

// All events of a channel fit into its feed, so there is no reason to lose one.
func TestReadersWithinTheBoundLoseNothing(t *testing.T) {
	stress(t, stressConfig{events: 8_000, size: 40, memory: 64 << 20})
}

type stressConfig struct {
	events, size int
	memory       int64
	mayLose      bool
}

func stress(t *testing.T, config stressConfig) {
	hub := relay.New(relay.Config{
		Roster:      noRoster{},
		Interest:    deafInterest{},
		Metrics:     metrics.New(prometheus.NewRegistry()),
		FlushWindow: time.Millisecond,
		FeedMemory:  config.memory,
		Workers:     3,
	})
	var running sync.WaitGroup
	running.Go(func() { hub.Run(t.Context()) })
	t.Cleanup(running.Wait)

	readers := make([]*stressReader, stressClients)
	for i := range readers {
		readers[i] = newStressReader(t, hub, uint64(i), config.mayLose)
	}
	var churning sync.WaitGroup
	published := make(chan struct{})
	for _, r := range readers {
		r.subscribeAll()
		churning.Go(func() { r.churn(published) })
	}
	publishStress(hub, config)
	close(published)
	churning.Wait()
	for _, r := range readers {
		r.awaitLast(config.events / stressChannels)
	}
	for _, r := range readers {
		r.conn.Closed()
	}
	await(t, "the feeds to let go of their memory", func() bool { return hub.FeedMemory() == 0 })
}

func publishStress(hub *relay.Hub, config stressConfig) {
	random := rand.New(rand.NewPCG(1, 2))
	pause := time.NewTicker(500 * time.Microsecond)
	defer pause.Stop()
	for i := range config.events {
		if i%20 == 0 {
			hub.Flush()
			<-pause.C // lets readers stall, come and go in between
		}
		number := strconv.Itoa(i/stressChannels + 1)
		hub.Deliver(appID, protocol.Event{
			Channel: channelName(i % stressChannels),
			Name:    "line",
			Data:    number + strings.Repeat(".", 1+random.IntN(config.size)),
		})
	}
	hub.Flush()
}

func channelName(i int) string { return fmt.Sprintf("log-%d", i) }

// deafInterest hears everything: the test confirms each channel by hand.
type deafInterest struct{}

func (deafInterest) Watch(string, string)   {}
func (deafInterest) Unwatch(string, string) {}

// stressReader is a client that checks what it gets.
type stressReader struct {
	dawdler
	t       *testing.T
	hub     *relay.Hub
	random  *rand.Rand // of churn
	mayLose bool

	next map[string]int // the number that must come next, 0 for any; guarded by mu
}

func newStressReader(t *testing.T, hub *relay.Hub, seed uint64, mayLose bool) *stressReader {
	r := &stressReader{
		t: t, hub: hub, mayLose: mayLose, next: make(map[string]int),
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	r.dawdler = dawdler{longest: 20 * time.Millisecond, look: r.check, stalls: rand.New(rand.NewPCG(seed, 2))}
	if err := r.open(hub, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// churn subscribes and unsubscribes until done, and ends with all channels
// subscribed.
func (r *stressReader) churn(done <-chan struct{}) {
	pause := time.NewTicker(time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-done:
			r.subscribeAll()
			return
		case <-pause.C:
		}
		channel := channelName(r.random.IntN(stressChannels))
		if r.random.IntN(4) > 0 {
			r.subscribe(channel)
			continue
		}
		r.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel))
	}
}

func (r *stressReader) subscribeAll() {
	for i := range stressChannels {
		r.subscribe(channelName(i))
	}
}

func (r *stressReader) subscribe(channel string) {
	r.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":%q}}`, channel))
	r.hub.Confirmed(appID, channel)
}

// awaitLast waits until the reader is up to date: either it has the last number of
// a channel, or it subscribed after that.
func (r *stressReader) awaitLast(last int) {
	await(r.t, "a reader to be up to date", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range stressChannels {
			next, subscribed := r.next[channelName(i)]
			if !subscribed || next != 0 && next != last+1 {
				return false
			}
		}
		return true
	})
}

func (r *stressReader) check(payload []byte) {
	if rest, isLine := strings.CutPrefix(string(payload), `{"event":"line","data":"`); isLine {
		number, _, _ := strings.Cut(rest, ".")
		r.checkLine(rest[len(rest)-len(`log-0"}`):len(rest)-len(`"}`)], number)
		return
	}
	var e struct{ Event, Channel, Data string }
	if err := json.Unmarshal(payload, &e); err != nil {
		return // an error, whose data is an object
	}
	switch e.Event {
	case "pusher_internal:subscription_succeeded":
		r.next[e.Channel] = 0
	case "relay:lost":
		var lost struct{ Count int }
		if err := json.Unmarshal([]byte(e.Data), &lost); err != nil || lost.Count < 1 || !r.mayLose {
			r.t.Errorf("told of a loss by %s", e.Data)
		}
		if r.next[e.Channel] > 0 { // else it lost the first ones after the subscription
			r.next[e.Channel] += lost.Count
		}
	}
}

func (r *stressReader) checkLine(channel, text string) {
	number, err := strconv.Atoi(text)
	if want := r.next[channel]; err != nil || want != 0 && number != want {
		r.t.Errorf("%s: got event %q, want %d", channel, text, want)
	}
	r.next[channel] = number + 1
}

// await polls for a state that has no event of its own.
func await(t *testing.T, what string, reached func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !reached() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}
