package main_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

func TestFallbackClientsAreToldWhenTheNodeStops(t *testing.T) {
	t.Parallel()
	for _, window := range []string{"0s", "2s"} {
		t.Run("over "+window, func(t *testing.T) {
			t.Parallel()
			w, _ := newNeighbour(t, map[string]string{"RELAY_DRAIN_WINDOW": window})
			clients := make(map[string][]*relaytest.XHRClient)
			for range 10 {
				for name, options := range fallbacks {
					c := w.ConnectXHR(options)
					c.Subscribe("news")
					clients[name] = append(clients[name], c)
				}
			}
			full, away := w.ConnectXHR(relaytest.XHROptions{Stays: true}), w.ConnectXHR(relaytest.XHROptions{})
			fill(t, w, full)
			away.Abort()
			w.publish("last", "words", "news")
			for _, c := range slices.Concat(clients["streaming"], clients["polling"]) {
				c.Expect("last")
			}
			w.Stop()
			for _, c := range clients["streaming"] {
				c.ExpectError(4200, "reconnect")
				c.ExpectClose(4200)
			}
			least := 0
			if window != "0s" { // then all ask once more
				least = 5
			}
			expectPollsToldOrRefused(t, clients["polling"], least)
			if r := full.Next(); r.Kind != "cut" {
				t.Errorf("who has yet to leave its response got %s", r)
			}
		})
	}
}

// A poll that is on its way when the node stops is refused.
func expectPollsToldOrRefused(t *testing.T, clients []*relaytest.XHRClient, least int) {
	t.Helper()
	told := 0
	for _, c := range clients {
		if r := c.Next(); r.Kind == "cut" {
			continue
		} else if r.Event != "pusher:error" {
			t.Errorf("a poll got %s", r)
		}
		c.ExpectClose(4200)
		told++
	}
	if told < least {
		t.Errorf("%d polls of %d were told", told, len(clients))
	}
}

// fill brings a client a response that is as long as the relay makes them.
func fill(t *testing.T, w world, c *relaytest.XHRClient) {
	t.Helper()
	c.Subscribe("much")
	filler := strings.Repeat("x", 25_000)
	for i := range 11 {
		w.tell(t, "much", fmt.Sprintf(`{"event":"n","data":"%d %s"}`, i, filler))
		c.Expect("n")
	}
	if got := c.Responses(); len(got) != 1 || got[0].Units <= maxUnits {
		t.Fatalf("the responses are %+v", got)
	}
}

// Who does not ask for more, or does not read, is told how much of a live channel it missed.
func TestFallbackClientsThatAreSlowAreToldWhatTheyMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_FLUSH_WINDOW": "1ms"})
	for name, options := range map[string]relaytest.XHROptions{
		"streaming, does not ask":  {Stays: true},
		"streaming, does not read": {},
		"polling":                  {Polling: true},
	} {
		w.run(t, name, func(t *testing.T, w world) {
			channel := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			reader, slow := w.Connect(), w.ConnectXHR(options)
			reader.Subscribe(channel)
			slow.Subscribe(channel)
			if !options.Stays {
				slow.Pause()
			}
			const events = 200
			flood(t, w, reader.Client, channel, events)
			w.publish("end", "{}", channel)
			slow.Hear()
			if options.Stays {
				awaitFull(t, w, slow)
				slow.Again()
			}
			next, lost := 0, 0
			for r := slow.Next(); r.Event != "end"; r = slow.Next() {
				switch r.Event {
				case "n":
					expectNumber(t, r, next)
					next++
				case "relay:lost":
					n := lostCount(t, r, channel)
					next += n
					lost += n
				default:
					t.Fatalf("got %s", r)
				}
				if options.Stays {
					againIfFull(slow)
				}
			}
			if next != events || lost == 0 {
				t.Errorf("%d events were delivered or lost, want %d; %d were lost", next, events, lost)
			}
			slow.ExpectOpen()
		})
	}
}

// awaitFull waits until a client's response is as long as the relay makes them.
func awaitFull(t *testing.T, w world, c *relaytest.XHRClient) {
	t.Helper()
	w.Eventually("the response is full", func() bool {
		all := c.Responses()
		return all[len(all)-1].Units > maxUnits
	})
}

func againIfFull(c *relaytest.XHRClient) {
	if all := c.Responses(); all[len(all)-1].Units > maxUnits {
		c.Again()
	}
}

// On a log channel nothing is missing, however slow a client is.
func TestFallbackClientsThatAreSlowMissNothingOfALog(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "replay=all bytes=64MiB")
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			channel := "private-log-" + name
			reader, slow := w.Connect(), w.ConnectXHR(options)
			reader.Subscribe(channel)
			slow.Subscribe(channel)
			slow.Pause()
			filler := strings.Repeat("é", 2_000)
			const events = 400
			log := &numberedLog{t: t, redis: w.redis, channel: channel}
			for i := range events {
				log.call("n", fmt.Sprintf("%d %s", i, filler), "")
			}
			for i := range events {
				expectFilled(t, reader.Client, i, filler)
			}
			slow.Hear()
			for i := range events {
				expectFilled(t, slow.Client, i, filler)
			}
			slow.ExpectOpen()
			expectRotated(t, slow, options.Polling, 3)
		})
	}
}

// A log is replayed to who comes late, from where it says, over as many responses as it takes.
func TestFallbackClientsReadLogs(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "replay=all bytes=64MiB")
	const channel, events = "private-log", 1_000
	filler := strings.Repeat("x", 1_000)
	log := &numberedLog{t: t, redis: w.redis, channel: channel}
	for i := range events {
		log.call("n", fmt.Sprintf("%d %s", i, filler), "")
	}
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			c := w.ConnectXHR(options)
			c.Subscribe(channel)
			var position string
			for i := range events {
				r := c.Expect("n")
				if want := fmt.Sprintf("%d %s", i, filler); r.DataString(t) != want {
					t.Fatalf("got %.50s, want %d", r.Data, i)
				}
				if i == events/2 {
					_, rest, _ := strings.Cut(r.Text, `"relay":"`)
					position, _, _ = strings.Cut(rest, `"`)
				}
			}
			c.ExpectOpen()
			expectRotated(t, c, options.Polling, 4)
			late := w.ConnectXHR(options)
			late.Send(subscribing(`"channel":"` + channel + `","auth":"` + grantTo(late.Client, channel, nil) + `","since":"` + position + `"`))
			late.Expect("pusher_internal:subscription_succeeded")
			late.Expect("relay:position")
			for i := events/2 + 1; i < events; i++ {
				if got := late.Expect("n").DataString(t); !strings.HasPrefix(got, fmt.Sprintf("%d ", i)) {
					t.Fatalf("got %.50s, want %d", got, i)
				}
			}
			late.ExpectOpen()
		})
	}
}

func TestFallbackClientsAreLimitedWithTheOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setting string
		code    int
		text    string
	}{
		"the app's connections": {"RELAY_APP_MAX_CONNECTIONS", 4004, "quota"},
		"the node's":            {"RELAY_MAX_CONNECTIONS", 4100, "capacity"},
		"an address'":           {"RELAY_MAX_CONNECTIONS_PER_ADDRESS", 4100, "your address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{test.setting: "3"})
			ws, streaming, polling := w.Connect(), w.ConnectXHR(relaytest.XHROptions{}), w.ConnectXHR(relaytest.XHROptions{Polling: true})
			for range 3 {
				for _, c := range []*relaytest.Client{
					w.Dial(relaytest.WSOptions{}).Client, w.DialXHR(relaytest.XHROptions{}).Client,
					w.DialXHR(relaytest.XHROptions{Polling: true}).Client,
				} {
					c.ExpectError(test.code, test.text)
					c.ExpectClose(test.code)
				}
			}
			w.again(t, streaming) // who comes back is no new one; who polls does so all the time
			for _, c := range []*relaytest.Client{ws.Client, streaming.Client, polling.Client} {
				c.ExpectOpen()
			}
			ws.Cut()
			w.Eventually("there is room again", func() bool {
				c := w.DialXHR(relaytest.XHROptions{})
				return c.Next().Event == "pusher:connection_established"
			})
		})
	}
}

func TestFallbackHandshakesAreShedWhenTheyAreTooMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_MAX_HANDSHAKES_PER_ADDRESS": "2"})
	w.Eventually("one is shed", func() bool {
		c := w.DialXHR(relaytest.XHROptions{})
		if c.Next().Event == "pusher:connection_established" {
			for range 3 { // these are no handshakes
				w.again(t, c)
				c.ExpectOpen()
			}
			return false
		}
		c.ExpectClose(4100)
		return true
	})
	w.ExpectMetric(`buildrelay_shed_total{why="address_handshakes"}`, "grows", func(n float64) bool { return n > 0 })
}

// again has a client that streams ask again, and waits until it is heard: what is written to the
// response before, meanwhile, is lost.
func (w world) again(t *testing.T, c *relaytest.XHRClient) {
	t.Helper()
	c.Again()
	w.Eventually("the next response", func() bool {
		all := c.Responses()
		return all[len(all)-1].Status == http.StatusOK
	})
}

func TestFallbackClientsThatAreNotAuthorizedInTimeAreClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_AUTHORIZATION_TIMEOUT": "2s"})
	for name, options := range fallbacks {
		w.run(t, name, func(t *testing.T, w world) {
			private, signed, public := w.ConnectXHR(options), w.ConnectXHR(options), w.ConnectXHR(options)
			private.Subscribe("private-a")
			signed.Signin("s")
			public.Subscribe("news")
			public.ExpectError(4009, "Connection not authorized within timeout")
			public.ExpectClose(4009)
			private.ExpectOpen()
			signed.ExpectOpen()
			if status, _ := public.Post("[]"); status != http.StatusNotFound {
				t.Errorf("a send of who was closed is answered by %d", status)
			}
		})
	}
}
