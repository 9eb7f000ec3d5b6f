package trials_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// clockFaults are those of the time of day, which no promise depends on.
func clockFaults() map[string]fault {
	all := map[string]fault{
		"F21 the clock of Redis is off and steps": {timeless: true, Plan: faults.Plan{
			Redis: []relaytest.RedisOption{relaytest.RedisKeeps()},
			Nemesis: func(w *faults.World) {
				clock := relaytest.NewClock(w.T)
				w.Redis.RestartWithClock(clock)
				for _, off := range []time.Duration{-time.Hour, time.Hour, 0} {
					w.Wait(second/2, second)
					w.Fault("step", func() { clock.Step(off) })
				}
				w.Wait(second, 2*second)
			},
		}},
	}
	load := faults.Load{Every: 40 * time.Millisecond, Filler: 400, Timeout: second}
	if relaytest.Full() { // all of Go's library is built anew for it
		all["F21 the clocks of relays are off, and one steps"] = fault{Plan: faults.Plan{
			Relays: 3, Balanced: true,
			Channels: []string{"private-all-1", "private-none-1"},
			Writers: []faults.Writer{ // who publishes by a relay whose clock is off is refused
				{By: "evalsha", Channel: "private-all-1", Load: load},
				{By: "fcall", Channel: "private-all-1", Load: load},
				{By: "evalsha", Channel: "private-none-1", Load: load},
			},
			Nemesis: relayClocks,
		}}
	}
	return all
}

// relayClocks gives each of three relays a clock of its own. The last one's steps.
func relayClocks(w *faults.World) {
	offs := []time.Duration{time.Hour, -time.Hour, 0}
	var clocks []*relaytest.Clock
	for i, relay := range w.Relays {
		clocks = append(clocks, relaytest.NewClock(w.T))
		relay.RestartWithClock(clocks[i])
		clocks[i].Step(offs[i])
	}
	w.Wait(2*second, 3*second)
	for _, off := range []time.Duration{time.Hour, -time.Hour, 0, 10 * time.Minute, 0} {
		w.Fault("step", func() { clocks[2].Step(off) })
		w.Wait(2*second, 3*second)
	}
	asksWithClocks(w, offs)
	for _, clock := range clocks {
		clock.Step(0)
	}
	w.Wait(second, 2*second)
}

// asksWithClocks publishes one event by each relay, signed by its own clock: it stands in the
// log once. Who signs by another clock is told how far it is off.
func asksWithClocks(w *faults.World, offs []time.Duration) {
	w.T.Helper()
	const path = "/apps/" + relaytest.AppID + "/events"
	key := auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}
	body := `{"name":"n","channel":"private-last-1","data":"x","id":"one"}`
	positions := make(map[string]bool)
	for i, relay := range w.Relays {
		status, reply := relay.Do(http.MethodPost, path+"?"+auth.SignRequest(key, http.MethodPost, path, nil, []byte(body), time.Now().Add(offs[i])), body)
		positions[reply] = true
		if status != http.StatusOK {
			w.T.Errorf("a clock that is off by %s answers who has the same time by %d %s", offs[i], status, reply)
		}
		if offs[i] == 0 {
			continue
		}
		status, reply = relay.Request(http.MethodPost, "/events", body)
		if told := time.Now().Add(offs[i]).UTC().Format(time.DateOnly + "T15:"); status != http.StatusUnauthorized ||
			!strings.Contains(reply, "Timestamp expired") || !strings.Contains(reply, told) {
			w.T.Errorf("a clock that is off by %s answers %d %s", offs[i], status, reply)
		}
	}
	if len(positions) != 1 {
		w.T.Errorf("one event, by its id, was published at %s", fmt.Sprint(positions))
	}
}

// Nobody is said to have left, or to be there, because of a clock.
func TestCrowdsAreSeenAsTheyAreWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	relaytest.NeedsClock(t)
	r := faults.RunCrowd(t, faults.Crowd{
		Fault: "F21 clocks", Redis: []relaytest.RedisOption{relaytest.RedisKeeps()},
		Relays: 3, Channels: 6, Users: 100, Stay: 8 * second,
		Nemesis: func(w *faults.CrowdWorld) {
			var clocks []*relaytest.Clock
			for i, relay := range w.Relays {
				clocks = append(clocks, relaytest.NewClock(w.T))
				relay.RestartWithClock(clocks[i])
			}
			for range 8 {
				for _, clock := range clocks {
					clock.Step(time.Duration(w.Pick(7)-3) * 20 * time.Minute)
				}
				w.Wait(3*second, 5*second)
			}
			for _, clock := range clocks {
				clock.Step(0)
			}
		},
	})
	t.Logf("%d visits, %d joins and leaves told, settled after %s", r.Visits, r.Told, r.Settled)
	if len(r.Wrong) > 0 {
		t.Errorf("with RELAY_FAULT_SEED=%d %d things are wrong:\n%s", r.Seed, len(r.Wrong),
			strings.Join(r.Wrong[:min(40, len(r.Wrong))], "\n"))
	}
}
