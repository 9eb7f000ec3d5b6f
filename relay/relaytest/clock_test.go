package relaytest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

func TestARelaysClockIsOffAndSteps(t *testing.T) {
	t.Parallel()
	relaytest.NeedsClock(t)
	clock := relaytest.NewClock(t)
	relay := relaytest.StartRelay(t, map[string]string{"RELAY_REDIS_URL": relaytest.StartRedis(t).URL()})
	relay.RestartWithClock(clock)
	for _, off := range []time.Duration{0, time.Hour, -time.Hour, 0} {
		clock.Step(off)
		status, reply := relay.Request(http.MethodGet, "/channels", "")
		if want := off == 0; (status == http.StatusOK) != want {
			t.Errorf("off by %s: %d %s", off, status, reply)
		}
		// The minute may change meanwhile; the hour of a clock that is off by one does not
		// matter then.
		if hour := time.Now().Add(off).UTC().Format("T15:"); off != 0 && !strings.Contains(reply, hour) {
			t.Errorf("off by %s: the answer names no time %s: %s", off, hour, reply)
		}
	}
}
