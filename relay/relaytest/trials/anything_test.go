package trials_test

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// anything is one fault after the other, drawn by the seed, for two relays with TLS and
// an encrypted channel.
func anything() fault {
	var link *faults.HoleLink
	return fault{Plan: faults.Plan{
		Redis:    []relaytest.RedisOption{relaytest.RedisKeeps()},
		Channels: []string{"private-all-1", "private-none-1", "private-encrypted-all-1"},
		Load:     faults.Load{Every: relaytest.Lasting(150*time.Millisecond, 40*time.Millisecond)}, // no log is trimmed
		Relays:   2,
		TLS:      true,
		RelaysVia: func(t testing.TB, address string) string {
			link = faults.StartPubSubLink(t, address)
			return link.Address()
		},
		Nemesis: func(w *faults.World) {
			harms := []func(){
				func() { killSubscriptions(w) },
				func() { flushScripts(w) },
				func() { w.Redis.Stop(); w.Wait(0, second); w.Redis.Restart() },
				func() { w.Redis.Kill(); w.Wait(0, second); w.Redis.Restart() },
				func() { w.Redis.Freeze(); w.Wait(0, 3*second); w.Redis.Thaw() },
				func() { link.Swallow(); w.Wait(0, 4*second); link.Repair() },
				func() { relay := w.Pick(2); w.Freeze(relay); w.Wait(0, 3*second); w.Thaw(relay) },
				func() { w.Relays[w.Pick(2)].Restart() },
				func() { relay := w.Relays[w.Pick(2)]; relay.Kill(); w.Wait(0, second); relay.Restart() },
			}
			for end := time.Now().Add(relaytest.Lasting(5*time.Minute, 10*second)); time.Now().Before(end); {
				w.Wait(0, second)
				w.Fault("harm", harms[w.Pick(len(harms))])
			}
			w.Wait(2*second, 2*second)
		},
	}}
}

// flushScripts makes Redis forget what it can be told again.
func flushScripts(w *faults.World) {
	for _, command := range []string{"SCRIPT", "FUNCTION"} {
		if err := w.Redis.Client().Do(w.T.Context(), command, "FLUSH").Err(); err != nil {
			w.T.Errorf("%s FLUSH: %v", command, err)
		}
	}
}
