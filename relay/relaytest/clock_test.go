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

func TestAClockOfRedisIsOffAndSteps(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisKeeps())
	if err := server.Client().Set(t.Context(), "short", "1", 30*time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	clock := relaytest.NewClock(t)
	server.RestartWithClock(clock)
	for _, off := range []time.Duration{0, -time.Hour, time.Hour, 0} {
		clock.Step(off)
		now, err := server.Client().Time(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		if difference := time.Until(now) - off; difference.Abs() > time.Minute {
			t.Errorf("off by %s: it is %s there", off, now)
		}
		if n := server.Client().Exists(t.Context(), "short").Val(); off == time.Hour && n != 0 {
			t.Error("half an hour is not over when the clock has stepped by one")
		}
	}
}
