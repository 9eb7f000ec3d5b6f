package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// sameCall fails the test if a webhook that is told again is not told in the same words.
func sameCall(t *testing.T, first, again relaytest.HookCall) {
	t.Helper()
	type words struct{ body, signature, key, ids string }
	of := func(call relaytest.HookCall) words {
		h := call.Header
		return words{call.Body, h.Get("X-Pusher-Signature"), h.Get("X-Pusher-Key"), h.Get("X-Relay-Event-Ids")}
	}
	if of(first) != of(again) {
		t.Errorf("first it said %+v, then %+v", of(first), of(again))
	}
}

func TestWebhooksAreToldAgain(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t, relaytest.HookStatus(500), relaytest.HookStatus(503), relaytest.HookStatus(200))
	w := newWorld(t, hookEnv(hooks, "headers: {X-Token: open-sesame}"))
	w.Connect().Subscribe("news")
	first := hooks.ExpectCall(1)
	sameCall(t, first, hooks.ExpectCall(2))
	sameCall(t, first, hooks.ExpectCall(3))
	w.ExpectMetric(`buildrelay_webhook_events_total{app="3",outcome="delivered"}`, "is 1", func(n float64) bool { return n == 1 })
	if got := first.Header.Get("X-Token"); got != "open-sesame" {
		t.Errorf("the webhook's own header is %q", got)
	}
	if key := first.Header.Get("X-Pusher-Key"); key != relaytest.Key {
		t.Errorf("the key is %q", key)
	}
	w.Connect().Subscribe("another")
	hooks.Await(protocol.HookOccupied, "another") // and news is not told a fourth time
	expectTold(t, hooks, "news", protocol.HookOccupied, protocol.HookOccupied, protocol.HookOccupied)
	for _, line := range w.Log() {
		if strings.Contains(line, "open-sesame") || strings.Contains(line, "/hooks") {
			t.Errorf("the log tells what may be secret: %s", line)
		}
	}
}

func TestWebhooksWaitForABackendThatIsDown(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t)
	hooks.Down()
	w := newWorld(t, hookEnv(hooks))
	c := w.Connect()
	for i := range 20 {
		c.Subscribe(fmt.Sprintf("news-%d", i))
	}
	failed := `buildrelay_webhook_requests_total{app="3",outcome="failed"}`
	w.ExpectMetric(failed, "grows", func(n float64) bool { return n > 1 })
	hooks.Up()
	for i := range 20 {
		hooks.Await(protocol.HookOccupied, fmt.Sprintf("news-%d", i))
	}
	w.ExpectMetric(`buildrelay_webhook_events_waiting{app="3"}`, "falls to 0", func(n float64) bool { return n == 0 })
}

// lie is an answer that a backend should not give, and how often an event is told to it.
type lie struct {
	answer relaytest.HookAnswer
	told   func(n int) bool
}

func again(n int) bool { return n >= 2 }
func once(n int) bool  { return n == 1 }
func some(n int) bool  { return n >= 1 }

// Whatever a backend answers to the first event of a channel, it gets the next one, and
// the first again where it did not say that it has it. Where it points to is not asked.
func TestWebhooksSurviveBackendsThatLie(t *testing.T) {
	t.Parallel()
	bystander := relaytest.StartHooks(t)
	lies := map[string]lie{
		"redirect":   {relaytest.HookRedirect(http.StatusFound, bystander.URL()), again},
		"redirect2":  {relaytest.HookRedirect(http.StatusPermanentRedirect, bystander.URL()), again},
		"refuse":     {relaytest.HookStatus(http.StatusGone), again},
		"nothing":    {relaytest.HookStatus(http.StatusNoContent), once},
		"hang":       {relaytest.HookHang(), again},
		"end":        {relaytest.HookRaw(""), again},
		"garbage":    {relaytest.HookRaw("SSH-2.0-OpenSSH_9.2\r\n"), again},
		"status":     {relaytest.HookRaw("HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n"), again},
		"short":      {relaytest.HookRaw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), some},
		"endless":    {relaytest.HookEndless(), some},
		"headers":    {relaytest.HookRaw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 4<<20) + "\r\n\r\n"), again},
		"interim":    {relaytest.HookRaw(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000)), again},
		"compressed": {relaytest.HookRaw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone"), some},
	}
	backends, settings := map[string]*relaytest.Hooks{}, []string{}
	for name, lie := range lies {
		backends[name] = relaytest.StartHooks(t, lie.answer, relaytest.HookStatus(200))
		settings = append(settings, "{url: '"+backends[name].URL()+"', channel_prefix: "+name+"-}")
	}
	env := hookEnv(bystander)
	env["RELAY_APP_WEBHOOKS"] = "[" + strings.Join(settings, ", ") + "]"
	w := newWorld(t, env)
	for name := range lies {
		c := w.Connect()
		c.Subscribe(name + "-x")
		backends[name].ExpectCall(1) // who leaves before that was not there
		c.Cut()
	}
	for name, lie := range lies {
		backends[name].Await(protocol.HookVacated, name+"-x")
		names := backends[name].NamesOf(name + "-x")
		if diff := cmp.Diff(protocol.HookVacated, names[len(names)-1]); diff != "" || !lie.told(len(names)-1) {
			t.Errorf("%s: told %q", name, names)
		}
		for _, call := range backends[name].Calls()[1 : len(names)-1] {
			sameCall(t, backends[name].ExpectCall(1), call)
		}
	}
	if calls := bystander.Calls(); len(calls) > 0 {
		t.Errorf("redirects were followed: %v", calls)
	}
}

// Neither another webhook of the app, nor another app, waits for a backend that does not
// answer, however much there is to tell it.
func TestABackendThatHangsDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	dead, good, others := relaytest.StartHooks(t, relaytest.HookHang()), relaytest.StartHooks(t), relaytest.StartHooks(t)
	file := newAppsFile(t,
		fixtureApp("webhooks: [{url: '"+dead.URL()+"'}, {url: '"+good.URL()+"'}]"),
		otherApp("webhooks: [{url: '"+others.URL()+"'}]"))
	w := newWorld(t, file.env(map[string]string{"RELAY_WEBHOOK_NETWORKS": "loopback"}))
	const channels = 100
	c := w.Connect()
	for i := range channels {
		c.Subscribe(fmt.Sprintf("busy-%d", i))
	}
	dead.ExpectCall(1)
	other := w.dialOther(t)
	other.Established()
	other.Subscribe("quiet")
	others.Await(protocol.HookOccupied, "quiet")
	for i := range channels {
		good.Await(protocol.HookOccupied, fmt.Sprintf("busy-%d", i))
	}
}

func TestWebhooksAreToldWhatTheyAskFor(t *testing.T) {
	t.Parallel()
	all, few, batches := relaytest.StartHooks(t), relaytest.StartHooks(t), relaytest.StartHooks(t)
	file := newAppsFile(t, fixtureApp("webhooks:",
		"  - {url: '"+all.URL()+"'}",
		"  - {url: '"+few.URL()+"', events: [channel_vacated, member_added], channel_prefix: presence-, channel_suffix: -ui}",
		"  - {url: '"+batches.URL()+"', batch: 500ms}",
	))
	w := newWorld(t, file.env(map[string]string{"RELAY_WEBHOOK_NETWORKS": "loopback"}))
	c := w.Connect()
	channels := []string{"presence-a-ui", "presence-b", "c-ui", "presence-d-ui"}
	for _, channel := range channels {
		join(c, channel, "u")
		all.Await(protocol.HookOccupied, channel) // who leaves before that was not there
	}
	c.Cut()
	for _, channel := range channels {
		all.Await(protocol.HookVacated, channel)
		batches.Await(protocol.HookVacated, channel)
	}
	for _, channel := range []string{"presence-a-ui", "presence-d-ui"} {
		few.Await(protocol.HookVacated, channel)
		expectTold(t, few, channel, protocol.HookMemberAdded, protocol.HookVacated)
	}
	expectTold(t, few, "presence-b")
	expectTold(t, few, "c-ui")
	if calls, want := len(batches.Calls()), len(all.Calls()); calls >= want {
		t.Errorf("%d events came in %d batches", want, calls)
	}
	for _, channel := range channels {
		if diff := cmp.Diff(all.Of(channel), batches.Of(channel)); diff != "" {
			t.Errorf("in batches (- one by one, + in batches):\n%s", diff)
		}
	}
	hooksAreValidInGo(t, append(all.Calls(), append(few.Calls(), batches.Calls()...)...))
}
