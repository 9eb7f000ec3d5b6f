package main_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// A backend may be down for minutes (F27): what happened less than five minutes ago is told
// when it is back, in order, and what is older is given up and counted.
func TestWebhooksWaitForABackendThatIsDownForMinutes(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("takes minutes: RELAY_TEST_FULL=1 runs it")
	}
	for _, c := range []struct {
		down  time.Duration
		told  bool // of what happened when it went down
		other string
	}{{4 * time.Minute, true, "delivered"}, {6 * time.Minute, false, "expired"}} {
		t.Run(c.down.String(), func(t *testing.T) {
			t.Parallel()
			hooks := relaytest.StartHooks(t)
			hooks.Down()
			w := newWorld(t, hookEnv(hooks))
			speaker := w.Connect()
			old := speak(speaker, "private-old")
			pass(t, c.down-time.Minute)
			fresh := speak(speaker, "private-fresh")
			pass(t, time.Minute)
			hooks.Up()
			if !c.told {
				old = nil
			}
			for channel, want := range map[string][]string{"private-fresh": fresh, "private-old": old} {
				if want != nil {
					awaitLast(t, hooks, channel, want)
				}
				if diff := cmp.Diff(want, toldOnce(hooks, channel)); diff != "" {
					t.Errorf("told of %s (- wanted, + got):\n%s", channel, diff)
				}
			}
			const events = 1 + spoken // on each channel
			w.ExpectMetric(`buildrelay_webhook_events_total{app="3",outcome="`+c.other+`"}`, "counts the old ones",
				func(n float64) bool { return n >= events })
		})
	}
}

// spoken is how many client events speak sends.
const spoken = 5

// speak has a client come to a channel and say something. It returns what is to be told.
func speak(c *relaytest.WSClient, channel string) (told []string) {
	c.Subscribe(channel)
	told = append(told, protocol.HookOccupied)
	for n := range spoken {
		c.Trigger(channel, "client-n", strconv.Itoa(n))
		told = append(told, protocol.HookClientEvent+strconv.Itoa(n))
	}
	c.ExpectOpen()
	return told
}

// pass lets time pass, for what is told by nothing but time.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// toldOnce is what was told of a channel, without what was told again.
func toldOnce(hooks *relaytest.Hooks, channel string) (told []string) {
	for _, e := range hooks.Of(channel) {
		if what := e.Name + e.Data; !slices.Contains(told, what) {
			told = append(told, what)
		}
	}
	return told
}

// awaitLast waits for the last event of a channel. A target that failed for long is not
// asked again at once.
func awaitLast(t *testing.T, hooks *relaytest.Hooks, channel string, want []string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); pass(t, 100*time.Millisecond) {
		if slices.Contains(toldOnce(hooks, channel), want[len(want)-1]) {
			return
		}
	}
}
