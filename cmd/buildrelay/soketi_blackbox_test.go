package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// circleci is what a CircleCI Server 4 chart and Kubernetes give a soketi container:
// soketi's own chart sets the port and the mode, CircleCI's values the key and the
// secret, and Kubernetes tells of the service called soketi. The ports are free ones here.
func circleci() map[string]string {
	return map[string]string{
		"SOKETI_PORT":               "0",
		"SOKETI_MODE":               "full",
		"SOKETI_DEFAULT_APP_ID":     "1",
		"SOKETI_DEFAULT_APP_KEY":    "circle",
		"SOKETI_DEFAULT_APP_SECRET": "a-pusher-secret",
		"SOKETI_METRICS_ENABLED":    "true", "SOKETI_METRICS_SERVER_PORT": "0",
		"SOKETI_METRICS_PROMETHEUS_PREFIX": "ci_",
		"SOKETI_SHUTDOWN_GRACE_PERIOD":     "0",
		"SOKETI_SERVICE_HOST":              "172.20.1.7", "SOKETI_SERVICE_PORT": "6001", "SOKETI_PORT_6001_TCP": "tcp://172.20.1.7:6001",
		"KUBERNETES_SERVICE_HOST": "172.20.0.1", "HOSTNAME": "soketi-5d8-x",
	}
}

// app is a key with which a test signs.
type app struct {
	relay *relaytest.Relay
	id    string
	key   auth.Key
}

// live subscribes to a private channel, publishes on it, and sees that it arrives.
func (a app) live(t *testing.T) {
	t.Helper()
	options := relaytest.WSOptions{}
	if a.relay.Certs != nil {
		options.TLS = a.relay.Certs.Client()
	}
	c := relaytest.DialWS(t, a.relay.SocketURL(a.key.Key), options)
	c.Established()
	const channel = "private-me@project@7@vcs-github@all"
	c.Send(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q}}`,
		channel, auth.SignChannel(a.key, c.SocketID, channel, nil)))
	c.Expect("pusher_internal:subscription_succeeded")
	a.publish(t, channel, "appendAction")
	if got := c.Expect("appendAction"); got.Channel != channel || got.DataString(t) != `{"out":"ok"}` {
		t.Errorf("got %s", got.Text)
	}
}

func (a app) publish(t *testing.T, channel, event string) {
	t.Helper()
	body := fmt.Sprintf(`{"name":%q,"channels":[%q],"data":"{\"out\":\"ok\"}"}`, event, channel)
	path := "/apps/" + a.id + "/events"
	query := auth.SignRequest(a.key, http.MethodPost, path, nil, []byte(body), time.Now())
	if status, reply := a.relay.Do(http.MethodPost, path+"?"+query, body); status != http.StatusOK {
		t.Fatalf("publishing: %d %s", status, reply)
	}
}

func TestTheSoketiOfACircleCIServerIsSwapped(t *testing.T) {
	t.Parallel()
	env := circleci()
	if said := refused(t, env); !strings.Contains(said, "set RELAY_ACKNOWLEDGE_INSECURE=true") {
		t.Fatalf("without the one line more it says:\n%s", said)
	}
	env["RELAY_ACKNOWLEDGE_INSECURE"] = "true"
	// The image's arguments, which a chart may repeat.
	r := relaytest.StartRelayWith(t, env, nil, "/app/bin/server.js", "start")
	circle := app{r, "1", auth.Key{Key: "circle", Secret: "a-pusher-secret"}}

	for _, path := range []string{"/", "/ready", "/accept-traffic"} { // what the chart's probes ask
		if status, reply := r.Do(http.MethodGet, path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, reply)
		}
	}
	circle.live(t)
	page := relaytest.StartPusherJS(t, "8.6.0", r, relaytest.PusherJSOptions{Key: "circle"})
	page.Subscribe("builds")
	page.ExpectSubscribed("builds")
	circle.publish(t, "builds", "newAction")
	page.ExpectEvent("builds", "newAction")

	if n := r.Metric(`buildrelay_connections{app="1"}`); n < 1 {
		t.Errorf("the metrics count %v connections", n)
	}
	var usage struct {
		Memory struct{ Free, Used, Total, Percent float64 }
	}
	_, told := r.AskMetrics("/usage")
	if err := json.Unmarshal([]byte(told), &usage); err != nil || usage.Memory.Used == 0 {
		t.Errorf("/usage: %+v, %v", usage, err)
	}
	r.ExpectLog("a setting of soketi's is not understood", "name", "SOKETI_METRICS_PROMETHEUS_PREFIX")
	r.ExpectLog("no Redis is named, the built-in one is used: this node serves alone, and what is kept ends with it")
	for _, line := range r.Log() {
		if strings.Contains(line, "a-pusher-secret") || strings.Contains(line, "SOKETI_SERVICE_HOST") {
			t.Errorf("the log has %s", line)
		}
	}
}

func TestSoketisLimitsAndRedisHold(t *testing.T) {
	t.Parallel()
	env, redis := circleci(), relaytest.StartRedis(t, relaytest.RedisPassword("of@redis"))
	host, port, _ := strings.Cut(redis.Address(), ":")
	for name, value := range map[string]string{
		"RELAY_ACKNOWLEDGE_INSECURE":        "true",
		"SOKETI_ADAPTER_DRIVER":             "redis",
		"SOKETI_DB_REDIS_HOST":              host,
		"SOKETI_DB_REDIS_PORT":              port,
		"SOKETI_DB_REDIS_PASSWORD":          "of@redis",
		"SOKETI_DB_REDIS_KEY_PREFIX":        "ci:",
		"SOKETI_EVENT_MAX_SIZE_IN_KB":       "1",
		"SOKETI_EVENT_MAX_CHANNELS_AT_ONCE": "2",
	} {
		env[name] = value
	}
	r := relaytest.StartRelayWith(t, env, nil)
	circle := app{r, "1", auth.Key{Key: "circle", Secret: "a-pusher-secret"}}
	circle.live(t)
	for body, want := range map[string]int{
		fmt.Sprintf(`{"name":"e","channels":["a"],"data":%q}`, strings.Repeat("x", 1024)): http.StatusOK,
		fmt.Sprintf(`{"name":"e","channels":["a"],"data":%q}`, strings.Repeat("x", 1025)): http.StatusRequestEntityTooLarge,
		`{"name":"e","channels":["a","b","c"],"data":"x"}`:                                http.StatusBadRequest,
	} {
		query := auth.SignRequest(circle.key, http.MethodPost, "/apps/1/events", nil, []byte(body), time.Now())
		if status, reply := r.Do(http.MethodPost, "/apps/1/events?"+query, body); status != want {
			t.Errorf("%.60s: %d %s, want %d", body, status, reply, want)
		}
	}
	if channels := redis.Client().PubSubChannels(t.Context(), "ci:1:*").Val(); len(channels) == 0 {
		t.Error("nothing in Redis begins with the prefix")
	}
}

func TestSoketisWebhooksAreSent(t *testing.T) {
	t.Parallel()
	env, hooks := circleci(), relaytest.StartHooks(t)
	env["RELAY_ACKNOWLEDGE_INSECURE"] = "true"
	env["SOKETI_DEFAULT_APP_WEBHOOKS"] = fmt.Sprintf(
		`[{"url":%q,"event_types":["channel_occupied"],"headers":{"X-Token":"t"},"filter":{"channel_name_ends_with":"@all"}}]`, hooks.URL())
	circle := app{relaytest.StartRelayWith(t, env, nil), "1", auth.Key{Key: "circle", Secret: "a-pusher-secret"}}
	circle.live(t)
	if _, call := hooks.Await("channel_occupied", "private-me@project@7@vcs-github@all"); call.Header.Get("X-Token") != "t" {
		t.Errorf("the webhook's headers are %v", call.Header)
	}
}

// refused starts a relay that must not start, and returns what it says.
func refused(t *testing.T, env map[string]string) string {
	t.Helper()
	binary := relaytest.Build(t)
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "serve")
	cmd.Env = []string{relaytest.QuickExit}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	said, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Fatalf("it started, and said:\n%s", said)
	}
	return string(said)
}
