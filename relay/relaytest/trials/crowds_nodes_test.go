package trials_test

import (
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// Three relays and 300 users, some in several tabs, who come and go: whatever happens to
// Redis, to a relay or to a link, each sees the others come and go in turn, nobody who
// stays is said to have left, and in the end all lists name those who are there.
func TestCrowdsAreSeenAsTheyAre(t *testing.T) {
	t.Parallel()
	crowds := map[string]func(w *faults.CrowdWorld){"everything once": everythingOnce}
	if relaytest.Full() {
		crowds["anything for minutes"] = anythingForMinutes
	}
	for name, nemesis := range crowds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := faults.RunCrowd(t, faults.Crowd{
				Fault: name, Redis: []relaytest.RedisOption{relaytest.RedisKeeps()},
				Relays: 3, Channels: 6, Users: 300, Stay: 8 * second, Nemesis: nemesis,
			})
			t.Logf("%d visits, %d joins and leaves told, settled after %s", r.Visits, r.Told, r.Settled)
			if len(r.Wrong) > 0 {
				t.Errorf("with RELAY_FAULT_SEED=%d %d things are wrong:\n%s", r.Seed, len(r.Wrong),
					strings.Join(r.Wrong[:min(40, len(r.Wrong))], "\n"))
			}
			if r.Visits < 500 || r.Told < 1000 {
				t.Errorf("%d visits and %d joins and leaves say nothing", r.Visits, r.Told)
			}
		})
	}
}

// everythingOnce begins with a link, since nobody is said to leave for a while after Redis
// was restarted, and ends while the rows of the former life of a relay are still in Redis.
func everythingOnce(w *faults.CrowdWorld) {
	w.Wait(3*second, 4*second)
	cut := w.Links[w.Pick(3)]
	cut.Poison("timeout", map[string]int{"timeout": 0})
	w.Wait(3*second, 5*second)
	cut.Heal()
	w.Wait(second, 2*second)

	w.Redis.Wipe()
	w.Wait(0, second)
	w.Redis.Restart()
	w.Wait(2*second, 3*second)

	killed := w.Relays[w.Pick(3)]
	killed.Kill()
	w.Wait(second, 2*second)
	w.Redis.Stop()
	w.Wait(second, 2*second)
	w.Redis.Restart()
	w.Wait(second, 2*second)
	killed.Restart()
	w.Wait(second, 2*second)
}

// anythingForMinutes draws one fault after the other. None keeps a relay from Redis for so
// long that the others forget it, but for the one that is killed.
func anythingForMinutes(w *faults.CrowdWorld) {
	harms := []func(){
		func() { w.Redis.Wipe(); w.Wait(0, 2*second); w.Redis.Restart() },
		func() { w.Redis.Stop(); w.Wait(0, 3*second); w.Redis.Restart() },
		func() { w.Redis.Kill(); w.Wait(0, second); w.Redis.Restart() },
		func() { w.Redis.Freeze(); w.Wait(0, 3*second); w.Redis.Thaw() },
		func() { killSubscriptions(w.World) },
		func() { flushScripts(w.World) },
		func() { relay := w.Pick(3); w.Freeze(relay); w.Wait(0, 5*second); w.Thaw(relay) },
		func() { relay := w.Relays[w.Pick(3)]; relay.Kill(); w.Wait(0, 3*second); relay.Restart() },
		func() { w.Relays[w.Pick(3)].Restart() },
		func() {
			link := w.Links[w.Pick(3)]
			link.Poison("timeout", map[string]int{"timeout": 0})
			w.Wait(0, 5*second)
			link.Heal()
		},
		func() {
			link := w.Links[w.Pick(3)]
			link.Poison("latency", map[string]int{"latency": 300, "jitter": 200})
			w.Wait(second, 5*second)
			link.Heal()
		},
	}
	w.Wait(3*second, 4*second)
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); {
		harms[w.Pick(len(harms))]()
		w.Wait(0, 5*second)
	}
	w.Wait(2*second, 3*second)
}
