package trials_test

import (
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// linkFaults are those of the connections to Redis.
func linkFaults() map[string]fault {
	return map[string]fault{
		"F7 the relay's subscriptions are swallowed":       pubSubSwallowed(),
		"F7 all that the relay is sent is swallowed":       linkSwallowed(),
		"F8 the relay's commands are swallowed":            commandsSwallowed(),
		"F9 the link to Redis is bad":                      weather(),
		"F10 publishing is retried on a slow link":         slowLink(),
		"F11 subscriptions are killed every 300 ms":        {Plan: subscriptionsKilled(relaytest.Lasting(60*second, 6*second))},
		"F12 the relay stands still and Redis cuts it off": cutOff(),
	}
}

func subscriptionsKilled(d time.Duration) faults.Plan {
	return faults.Plan{Nemesis: func(w *faults.World) {
		w.Wait(second, 2*second)
		for end := time.Now().Add(d); time.Now().Before(end); {
			w.Fault("kill", func() { killSubscriptions(w) })
			w.Wait(300*time.Millisecond, 300*time.Millisecond)
		}
		w.Wait(second, 2*second)
	}}
}

func killSubscriptions(w *faults.World) {
	if err := w.Redis.Client().Do(w.T.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		w.T.Errorf("killing subscriptions: %v", err)
	}
}

// floodFrozen sends the relay, which reads nothing, what it would drop, until Redis has cut
// it off. The kernel holds several MiB of it first.
func floodFrozen(w *faults.World) {
	ctx, client := w.T.Context(), w.Redis.Client()
	for range 200 {
		if err := client.Publish(ctx, "buildrelay:"+relaytest.AppID+":private-all-1", strings.Repeat("x", 100<<10)).Err(); err != nil {
			w.T.Errorf("publishing: %v", err)
		}
		if list, err := client.Do(ctx, "CLIENT", "LIST", "TYPE", "pubsub").Text(); err == nil && list == "" {
			return
		}
	}
	w.T.Error("Redis does not cut off a relay that reads nothing")
}

// pubSubSwallowed leaves the relay what it needs to read logs, so that its readers are
// never far behind.
func pubSubSwallowed() fault {
	var link *faults.HoleLink
	return fault{Plan: faults.Plan{
		RelaysVia: func(t testing.TB, address string) string {
			link = faults.StartPubSubLink(t, address)
			return link.Address()
		},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			before, d := link.Doomed(), relaytest.Lasting(60*second, 8*second)
			link.Swallow()
			w.Wait(d, d)
			link.Repair()
			tries := link.Doomed() - before
			w.T.Logf("%d connections were tried in %s", tries, d)
			if most := 2 + int(d/(5*second/2)); tries > most { // each is given up after 2.5 s
				w.T.Errorf("of more than %d some had no pause before", most)
			}
			w.Wait(2*second, 3*second)
		},
	}}
}

func linkSwallowed() fault {
	var link *faults.ToxicLink
	return fault{Plan: faults.Plan{
		RelaysVia: func(t testing.TB, address string) string {
			link = faults.StartToxicLink(t, address)
			return link.Address()
		},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("black hole", func() {
				link.Poison("timeout", map[string]int{"timeout": 0})
				w.Wait(4*second, 5*second)
				link.Heal()
			})
			w.Wait(2*second, 3*second)
		},
	}}
}

// slowLink makes answers come after the writers' time-outs, again and again.
func slowLink() fault {
	var links []*faults.ToxicLink
	return fault{also: wereRetried, Plan: faults.Plan{
		Load: faults.Load{Every: 20 * time.Millisecond, Timeout: 200 * time.Millisecond},
		BackendsVia: func(t testing.TB, address string) string {
			links = append(links, faults.StartToxicLink(t, address))
			return links[len(links)-1].Address()
		},
		Nemesis: func(w *faults.World) {
			end := time.Now().Add(relaytest.Lasting(60*second, 5*second))
			for i := 0; i < 10 || time.Now().Before(end); i++ {
				w.AwaitEntries("private-all-1", w.Entries("private-all-1")+10)
				for _, link := range links {
					link.Poison("latency", map[string]int{"latency": 400, "jitter": 200})
				}
				w.Wait(100*time.Millisecond, 500*time.Millisecond)
				for _, link := range links {
					link.Heal()
				}
			}
			w.Wait(second, 2*second)
		},
	}}
}

// wereRetried says that the slow link did what it is for; that each line stands once
// in the log the checker has found.
func wereRetried(t *testing.T, r faults.Result) {
	t.Helper()
	again := 0
	for _, call := range r.History.Calls {
		if call.Again {
			again++
		}
	}
	if again < 10 {
		t.Errorf("%d lines were appended again: the link was not slow", again)
	}
}

// cutOff lets Redis end the subscriptions of a relay that reads nothing.
func cutOff() fault {
	return fault{Plan: faults.Plan{
		Redis: []relaytest.RedisOption{relaytest.RedisSettings("client-output-buffer-limit pubsub 1mb 0 0")},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("freeze", func() {
				w.Freeze(0)
				floodFrozen(w)
				w.Wait(relaytest.Lasting(10*second, 4*second), relaytest.Lasting(10*second, 4*second))
				w.Thaw(0)
			})
			w.Wait(4*second, 5*second)
		},
	}}
}
