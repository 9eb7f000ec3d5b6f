package chaos

import (
	"strings"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

func restartRedis(w *World) {
	w.Redis.Stop()
	w.Wait(3*second, 3*second)
	w.Redis.Restart()
}

func killRedis(w *World) {
	w.Redis.Kill()
	w.Wait(0, second)
	w.Redis.Restart()
}

func freezeRedis(d time.Duration) func(w *World) {
	return func(w *World) {
		w.Redis.Freeze()
		w.Wait(d, d)
		w.Redis.Thaw()
	}
}

func killNode(w *World) {
	node := w.Relays[w.Pick(len(w.Relays))]
	node.Kill()
	w.Wait(second, 3*second)
	node.Restart()
}

func killNodes(w *World) {
	for range 3 {
		killNode(w)
		w.Wait(2*second, 3*second)
	}
}

func restartNodes(w *World) {
	for _, node := range w.Relays {
		node.Restart()
		w.Wait(second, 2*second)
	}
}

func stopClients(w *World) { w.StopClients(0.1, 5*second, 8*second) }

func swallowSubscriptions(w *World) {
	w.swallow(func(l Link) *faults.HoleLink { return l.Subscriptions })
}

func swallowCommands(w *World) { w.swallow(func(l Link) *faults.HoleLink { return l.Commands }) }

// swallow has one of the links of all nodes carry nothing for a while.
func (w *World) swallow(which func(Link) *faults.HoleLink) {
	for _, l := range w.Links {
		which(l).Swallow()
	}
	w.Wait(8*second, 10*second)
	for _, l := range w.Links {
		which(l).Repair()
	}
}

// badLinks are as links can be, one way after the other.
func badLinks(w *World) {
	slice(w)
	for _, toxic := range []struct {
		name       string
		attributes map[string]int
		last       time.Duration
	}{
		{"latency", map[string]int{"latency": 200, "jitter": 100}, 5 * second},
		{"bandwidth", map[string]int{"rate": 256}, 5 * second},
		{"reset_peer", map[string]int{"timeout": 0}, second / 2},
	} {
		for _, l := range w.Links {
			l.All.Poison(toxic.name, toxic.attributes)
		}
		w.Wait(toxic.last, toxic.last)
		for _, l := range w.Links {
			l.All.Heal()
		}
	}
}

// slice has all nodes hear Redis in small pieces for a while.
func slice(w *World) {
	for _, l := range w.Links {
		l.All.Slice(16)
	}
	w.Wait(3*second, 3*second)
	for _, l := range w.Links {
		l.All.Slice(0)
	}
}

func killSubscriptions(w *World) {
	for range 20 {
		w.tellRedis("CLIENT", "KILL", "TYPE", "pubsub")
		w.Wait(300*time.Millisecond, 300*time.Millisecond)
	}
}

func flushScripts(w *World) {
	w.tellRedis("SCRIPT", "FLUSH")
	w.tellRedis("FUNCTION", "FLUSH")
}

func fillRedis(w *World) {
	w.tellRedis("CONFIG", "SET", "maxmemory", "1mb")
	w.Wait(4*second, 6*second)
	w.tellRedis("CONFIG", "SET", "maxmemory", "0")
}

// tellRedis is for commands that cannot fail.
func (w *World) tellRedis(command ...any) {
	w.T.Helper()
	if err := w.Client().Do(w.T.Context(), command...).Err(); err != nil {
		w.T.Errorf("telling Redis %v: %v", command, err)
	}
}

// cutOff lets Redis end the subscriptions of a node that reads nothing.
func cutOff(w *World) {
	const setting = "client-output-buffer-limit"
	w.tellRedis("CONFIG", "SET", setting, "pubsub 1mb 0 0")
	node := w.Pick(len(w.Relays))
	w.Freeze(node)
	flood(w)
	w.Wait(6*second, 10*second)
	w.Thaw(node)
	w.tellRedis("CONFIG", "SET", setting, "pubsub 32mb 8mb 60")
}

// flood publishes what nodes drop, until Redis has cut one of them off: the kernel and the
// links hold tens of MiB of it first.
func flood(w *World) {
	ctx, client := w.T.Context(), w.Client()
	names, err := client.PubSubChannels(ctx, "*"+relaytest.AppID+":private-*").Result()
	if err != nil || len(names) == 0 {
		w.T.Errorf("there are no subscriptions to flood: %v", err)
		return
	}
	most := 0 // a node may just have been on its way
	for i := range 1000 {
		if err := client.Publish(ctx, names[i%len(names)], strings.Repeat("x", 100<<10)).Err(); err != nil {
			w.T.Errorf("publishing: %v", err)
		}
		list, err := client.Do(ctx, "CLIENT", "LIST", "TYPE", "pubsub").Text()
		now := strings.Count(list, "\n")
		if err == nil && now < most {
			return
		}
		most = max(most, now)
	}
	w.T.Error("Redis does not cut off a node that reads nothing")
}
