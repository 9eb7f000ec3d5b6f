package main_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Row 47: many come at once with the oldest position of a log that is larger than what a node
// keeps of it. What Redis is asked for does not grow with them.
func TestAStormOfOldPositionsIsReadOnce(t *testing.T) {
	t.Parallel()
	const lines, clients = 80, 100
	w := newWorld(t, map[string]string{"RELAY_LOG_RULES": "log-* replay=all"})
	filler := strings.Repeat("x", 5000)
	for i := range lines {
		w.publish("line", fmt.Sprint(i, " ", filler), "log-old")
	}
	first := w.Connect()
	first.Subscribe("log-old")
	oldest := positionOf(t, first.Expect("line"))
	first.Cut()
	w.expectGone()
	reads := w.Metric("buildrelay_log_reads_total")
	readers := make([]*relaytest.WSClient, clients)
	for i := range readers {
		readers[i] = w.Connect()
	}
	for _, reader := range readers {
		reader.Send(subscribing(`"channel":"log-old","since":"` + oldest + `"`))
	}
	for _, reader := range readers {
		for i := 1; i < lines; i++ {
			if got := reader.Await("line"); !strings.HasPrefix(string(got.Data), fmt.Sprintf(`"%d `, i)) {
				t.Fatalf("got line %.20s, want %d", got.Data, i)
			}
		}
		reader.ExpectOpen()
	}
	if n := w.Metric("buildrelay_log_reads_total") - reads; n > clients/2 {
		t.Errorf("the log was read %v times for %d readers", n, clients)
	}
}

// Row 48: who subscribes and is gone leaves nothing behind, neither here nor in Redis.
func TestClientsThatComeAndGoLeaveNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_LOG_RULES": "log-* replay=all"})
	settled := w.settled(t)
	ends := []func(*relaytest.WSClient){(*relaytest.WSClient).Cut, (*relaytest.WSClient).Reset, func(c *relaytest.WSClient) { c.Close(1000); c.Cut() }}
	for i := range 1000 {
		c := w.Connect()
		c.Request(fmt.Sprint("a-", i), "")
		c.Request(fmt.Sprint("log-", i), "")
		c.Request(fmt.Sprint("presence-", i%10), fmt.Sprintf(`{"user_id":"u%d"}`, i))
		ends[i%len(ends)](c)
	}
	w.expectGone()
	for _, gauge := range []string{"buildrelay_subscriptions", "buildrelay_channels"} {
		w.ExpectMetric(gauge, "falls to 0", func(n float64) bool { return n == 0 })
	}
	settled()
	w.Eventually("Redis is rid of them", func() bool {
		heard := w.redis.Client().PubSubChannels(t.Context(), "*-[0-9]*").Val()
		kept := w.redis.Client().Keys(t.Context(), "*:[alp]*-[0-9]*").Val()
		return len(heard) == 0 && len(kept) == 0
	})
}

// Row 50: who reads slowly on a hundred channels costs no more than on one.
func TestASlowReaderOfAHundredChannelsCostsNoMoreThanItsBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"RELAY_FLUSH_WINDOW": "1ms", "RELAY_WRITE_TIMEOUT": "10m", "RELAY_FEED_MEMORY": "16MiB",
		"RELAY_ACTIVITY_TIMEOUT": "1h", "RELAY_PING_AFTER": "1h", // who reads nothing answers no ping
		"GOGC": "10", // so that what it has is what it needs
	})
	channels := make([]string, 100)
	slow := w.Dial(relaytest.WSOptions{Deaf: true})
	for i := range channels {
		channels[i] = fmt.Sprint("busy-", i)
		slow.Send(subscribing(`"channel":"` + channels[i] + `"`))
	}
	w.ExpectMetric("buildrelay_subscriptions", "grows to 100", func(n float64) bool { return n == 100 })
	witness := w.Connect()
	witness.Subscribe(channels[99])
	memory := w.Metric("process_resident_memory_bytes")
	filler := strings.Repeat("x", 10_000)
	const rounds = 150 // of 1 MB
	for range rounds {
		w.publish("n", filler, channels...)
		witness.Expect("n")
	}
	if grown := w.Metric("process_resident_memory_bytes") - memory; grown > 100<<20 {
		t.Errorf("the relay grew by %.0f MiB", grown/(1<<20))
	}
	w.publish("end", "{}", channels...)
	slow.Hear()
	ended, lost, came := 0, 0, 0
	for ended < len(channels) {
		switch r := slow.Next(); r.Event {
		case "end":
			ended++
		case "relay:lost":
			lost += lostCount(t, r, r.Channel)
		case "n":
			came++
		}
	}
	if lost == 0 || came+lost != rounds*len(channels) {
		t.Errorf("%d events came, %d are told to be lost", came, lost)
	}
	slow.ExpectOpen()
}
