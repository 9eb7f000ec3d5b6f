package main_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// world is the real binary and the real Redis that it hears.
type world struct {
	*relaytest.Relay
	redis *relaytest.Redis
}

// newWorld starts both; env changes the relay's settings.
func newWorld(t *testing.T, env map[string]string) world {
	t.Helper()
	server := relaytest.StartRedis(t)
	return world{relaytest.StartRelay(t, with(server, env)), server}
}

// newTLSWorld is newWorld with a relay that serves TLS.
func newTLSWorld(t *testing.T, env map[string]string) world {
	t.Helper()
	server := relaytest.StartRedis(t)
	return world{relaytest.StartRelayTLS(t, relaytest.NewCerts(t), with(server, env)), server}
}

func with(server *relaytest.Redis, env map[string]string) map[string]string {
	all := map[string]string{"RELAY_REDIS_URL": server.URL()}
	maps.Copy(all, env)
	return all
}

// plainAndTLS runs a test in a world without and in one with TLS.
func plainAndTLS(t *testing.T, env map[string]string, test func(t *testing.T, w world)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, env))
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		test(t, newTLSWorld(t, env))
	})
}

// run runs a subtest that shares the world.
func (w world) run(t *testing.T, name string, test func(t *testing.T, w world)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { test(t, world{w.For(t), w.redis}) })
}

// tell publishes a message as it is on the Redis channel of the app's channel.
func (w world) tell(t *testing.T, channel, message string) {
	t.Helper()
	if err := w.redis.Client().Publish(t.Context(), "buildrelay:"+relaytest.AppID+":"+channel, message).Err(); err != nil {
		t.Fatalf("publishing in Redis: %v", err)
	}
}

// publish publishes an event by the HTTP API.
func (w world) publish(event, data string, channels ...string) {
	w.Publish(relaytest.Trigger{Event: event, Data: data, Channels: channels})
}

// expectGone waits until the app has no connection.
func (w world) expectGone() {
	w.ExpectMetric(`buildrelay_connections{app="3"}`, "falls to 0", func(n float64) bool { return n == 0 })
}

// settled returns a function that waits until the relay has no more goroutines
// than now.
func (w world) settled(t *testing.T) func() {
	t.Helper()
	// What asks keeps its connections to the relay, and these have goroutines.
	w.Metric("go_goroutines")
	if status, reply := w.Request(http.MethodGet, "/channels", ""); status != http.StatusOK {
		t.Fatalf("GET channels: %d %s", status, reply)
	}
	before := w.Metric("go_goroutines")
	return func() {
		t.Helper()
		w.ExpectMetric("go_goroutines", "falls to what it was", func(n float64) bool { return n <= before })
	}
}

// counting returns a function that waits until the series has grown by n, and
// fails if it grew by more.
func (w world) counting(series string) func(t *testing.T, n int) {
	before := w.Metric(series)
	return func(t *testing.T, n int) {
		t.Helper()
		grown := w.ExpectMetric(series, "grows", func(now float64) bool { return now-before >= float64(n) }) - before
		if grown != float64(n) {
			t.Errorf("%s grew by %v, want %d", series, grown, n)
		}
	}
}

// occupied says whether the HTTP API lists the channel.
func (w world) occupied(channel string) bool {
	_, reply := w.Request(http.MethodGet, "/channels", "")
	return strings.Contains(reply, `"`+channel+`":`)
}
