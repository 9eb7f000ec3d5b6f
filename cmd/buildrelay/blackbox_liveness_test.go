package main_test

import (
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// Silent clients are asked for a sign of life after 2 s and given up after 2 s more.
func TestSilentClientsAreAskedAndGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"RELAY_ACTIVITY_TIMEOUT": "2s", "RELAY_PING_AFTER": "40s", "RELAY_PONG_TIMEOUT": "2s",
	})
	settled := w.settled(t)
	closed := w.counting(`buildrelay_connections_closed_total{code="4201"}`)
	w.run(t, "group", func(t *testing.T, w world) {
		w.run(t, "one that ignores pings is told and closed", testIgnoringPings)
		w.run(t, "one that answers pings stays", testAnsweringPings)
		w.run(t, "one that sends anything else stays", testTalking)
	})
	closed(t, 1)
	settled()
}

func testIgnoringPings(t *testing.T, w world) {
	t.Parallel()
	c := w.Dial(relaytest.WSOptions{IgnorePings: true})
	greeting := c.Expect("pusher:connection_established")
	if data := greeting.DataString(t); !strings.HasSuffix(data, `"activity_timeout":2}`) {
		t.Errorf("told %s", data)
	}
	c.AwaitPing()
	asked := time.Now()
	c.ExpectError(4201, "Pong reply not received in time")
	c.ExpectClose(4201)
	if waited := time.Since(asked); waited < 1900*time.Millisecond {
		t.Errorf("closed %v after the ping, want 2 s", waited)
	}
}

func testAnsweringPings(t *testing.T, w world) {
	t.Parallel()
	c := w.Connect()
	for range 4 {
		c.AwaitPing()
	}
	c.ExpectOpen() // and nothing but pings came before
}

func testTalking(t *testing.T, w world) {
	t.Parallel()
	c := w.Dial(relaytest.WSOptions{IgnorePings: true})
	c.Established()
	for range 3 {
		c.AwaitPing()
		c.ExpectOpen()
	}
}

// A client that vanished without a word looks like one that does not read.
func TestVanishedClientIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_PING_AFTER": "1s", "RELAY_PONG_TIMEOUT": "1s"})
	settled := w.settled(t)
	closed := w.counting(`buildrelay_connections_closed_total{code="4201"}`)
	c := w.Dial(relaytest.WSOptions{Deaf: true})
	closed(t, 1)
	w.expectGone()
	settled() // while the client's end is still open
	c.Hear()
	c.Established()
	c.ExpectError(4201, "Pong")
	c.ExpectClose(4201)
}

func TestGracefulStopClosesWithAFrameThatMeansReconnect(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		clients := make([]*relaytest.WSClient, 20)
		for i := range clients {
			clients[i] = w.Connect()
			clients[i].Subscribe("news")
		}
		w.Dial(relaytest.WSOptions{Deaf: true}) // who does not read does not keep the relay
		w.publish("last", "words", "news")
		for _, c := range clients {
			c.Expect("last")
		}
		stopped := time.Now()
		w.Stop()
		for _, c := range clients {
			c.ExpectError(4200, "reconnect")
			c.ExpectClose(4200)
		}
		if took := time.Since(stopped); took > 15*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestDroppedConnectionIsForgotten(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		settled := w.settled(t)
		c := w.Connect()
		c.Subscribe("news")
		if !w.occupied("news") {
			t.Error("the channel is not listed while it has a subscriber")
		}
		c.Cut()
		w.Eventually("the channel is vacated", func() bool { return !w.occupied("news") })
		w.expectGone()
		w.ExpectMetric("buildrelay_subscriptions", "falls to 0", func(n float64) bool { return n == 0 })
		w.ExpectMetric("buildrelay_channels", "falls to 0", func(n float64) bool { return n == 0 })
		settled()
	})
}

// Clients that reset their connection while the relay writes to them take nobody
// with them.
func TestClientsThatResetHarmNobody(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		witness := w.Connect()
		witness.Subscribe("news")
		settled := w.settled(t)
		filler := strings.Repeat("x", 10_000)
		for round := range 20 {
			c := w.Connect()
			c.Subscribe("news")
			for i := range 10 {
				w.tell(t, "news", `{"event":"n","data":"`+filler+`"}`)
				if i == round/2 {
					c.Reset()
				}
			}
			for range 10 {
				witness.Expect("n")
			}
		}
		w.ExpectMetric(`buildrelay_connections{app="3"}`, "falls to 1", func(n float64) bool { return n == 1 })
		settled()
	})
}
