package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// newNeighbour is newWorld, where another node is there, too.
func newNeighbour(t *testing.T, env map[string]string) (w world, other *relaytest.Relay) {
	t.Helper()
	server := relaytest.StartRedis(t)
	other = relaytest.StartRelay(t, with(server, nil))
	w = world{relaytest.StartRelay(t, with(server, env)), server}
	w.knowsWhoIsThere(t)
	return w, other
}

// knowsWhoIsThere waits until the node has told Redis that it is there, and so knows who else is.
func (w world) knowsWhoIsThere(t *testing.T) {
	t.Helper()
	c := w.Connect()
	c.Join("presence-there", "1")
	c.Cut()
	w.expectGone()
}

// end tells the node to stop and returns how long that took.
func (w world) end(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	w.Signal(syscall.SIGTERM)
	if state := w.AwaitEnd(relaytest.Patience); state.ExitCode() != 0 {
		t.Errorf("the node ended by %v:\n%s", state, strings.Join(w.Log(), "\n"))
	}
	return time.Since(began)
}

func TestAStopIsSpreadOverTheWindowWhereThereIsAnotherNode(t *testing.T) {
	t.Parallel()
	const window = 2 * time.Second
	w, _ := newNeighbour(t, map[string]string{"RELAY_DRAIN_WINDOW": window.String()})
	var clients []*relaytest.WSClient
	for range 20 {
		clients = append(clients, w.Connect())
	}
	began := time.Now()
	w.Signal(syscall.SIGTERM)
	for _, c := range clients {
		expectDismissed(c.Client)
	}
	if took := time.Since(began); took < window*8/10 {
		t.Errorf("all were asked within %v", took)
	}
	w.AwaitEnd(relaytest.Patience)
}

// expectDismissed expects that a client is asked to come again.
func expectDismissed(c *relaytest.Client) {
	c.ExpectError(4200, "reconnect")
	c.ExpectClose(4200)
}

func TestAStopIsAtOnceWhereThereIsNoOtherNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_DRAIN_WINDOW": "1h"})
	w.knowsWhoIsThere(t)
	c := w.Connect()
	w.Signal(syscall.SIGTERM)
	expectDismissed(c.Client)
}

// What was published right before the end still comes, though channels are written to
// only so often.
func TestAStopTellsWhatCameBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_FLUSH_WINDOW": "1s"})
	c, x := w.Connect(), w.ConnectXHR(relaytest.XHROptions{})
	for _, client := range []*relaytest.Client{c.Client, x.Client} {
		client.Subscribe("news")
	}
	w.publish("first", "{}", "news") // the next write is a second later
	for _, client := range []*relaytest.Client{c.Client, x.Client} {
		client.Expect("first")
	}
	heard := w.Metric("buildrelay_events_received_total")
	w.publish("last", "{}", "news")
	w.ExpectMetric("buildrelay_events_received_total", "grows", func(n float64) bool { return n > heard })
	w.Signal(syscall.SIGTERM)
	for _, client := range []*relaytest.Client{c.Client, x.Client} {
		client.Expect("last")
		expectDismissed(client)
	}
}

// pusher-js comes back at once when a node goes. While the balancer sends it there again it
// is told to wait for a second, each time.
func TestWhoComesToANodeThatGoesDoesNotComeBackInALoop(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("it takes a minute, and is for make test-full")
	}
	const window = 4 * time.Second
	w, _ := newNeighbour(t, map[string]string{"RELAY_DRAIN_WINDOW": window.String()})
	pages := map[string]*relaytest.PusherJS{}
	for _, transport := range []string{"ws", "xhr_streaming", "xhr_polling"} {
		pages[transport] = relaytest.StartPusherJS(t, newest(), w.Relay, relaytest.PusherJSOptions{Transports: []string{transport}})
		pages[transport].ExpectState("connected")
	}
	for range 20 { // so that the drain lasts
		w.Connect()
	}
	w.Restart()
	for transport, page := range pages {
		page.ExpectState("connected")
		closes := map[int]int{}
		for _, said := range page.Said() {
			if said.Type == "message" && said.Event == "pusher:error" {
				closes[codeOf(t, said)]++
			}
		}
		if closes[4200] != 1 {
			t.Errorf("%s was asked to go %d times: %v", transport, closes[4200], page.States())
		}
		if most := int(window/time.Second) + 2; closes[4100] > most {
			t.Errorf("%s came back %d times within %v", transport, closes[4100], window)
		}
	}
}

// codeOf is the code of a pusher:error.
func codeOf(t *testing.T, said relaytest.Said) int {
	t.Helper()
	var data struct{ Code int }
	if err := json.Unmarshal(said.Data, &data); err != nil {
		t.Fatalf("pusher:error has the data %s", said.Data)
	}
	return data.Code
}

// newest is the newest pusher-js.
func newest() string {
	versions := relaytest.PusherJSVersions()
	return versions[len(versions)-1]
}

func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"in the drain delay":  {"RELAY_DRAIN_DELAY": "1h"},
		"in the drain window": {"RELAY_DRAIN_WINDOW": "1h"},
	} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(fmt.Sprint(name, " ", signal), func(t *testing.T) {
				t.Parallel()
				w, _ := newNeighbour(t, env)
				clients := []*relaytest.WSClient{w.Connect(), w.Connect(), w.Connect()}
				w.Signal(syscall.SIGTERM)
				w.ExpectLog(map[bool]string{true: "stopping", false: "draining"}[strings.Contains(name, "delay")])
				w.Signal(signal)
				if got := relaytest.Signaled(w.AwaitEnd(relaytest.Patience)); got != signal {
					t.Errorf("the process was ended by %v", got)
				}
				for _, c := range clients {
					if r := c.Next(); r.Kind != "cut" && r.Event != "pusher:error" {
						t.Errorf("a client got %s", r)
					}
				}
			})
		}
	}
}

// Who takes nothing is cut off in the end, however patient the relay is with such clients
// otherwise.
func TestClientsThatDoNotReadDoNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, map[string]string{"RELAY_WRITE_TIMEOUT": "1h"}, func(t *testing.T, w world) {
		reader := w.Connect()
		reader.Subscribe("much")
		deaf, away := w.Dial(relaytest.WSOptions{Deaf: true}), w.ConnectXHR(relaytest.XHROptions{})
		away.Subscribe("much")
		away.Pause()
		deaf.Request("much", "")
		w.ExpectMetric("buildrelay_subscriptions", "is 3", is(3))
		for range 600 {
			w.tell(t, "much", `{"event":"n","data":"`+strings.Repeat("x", 25_000)+`"}`)
			reader.Expect("n")
		}
		if w.Metric("buildrelay_writes_stalled_total") == 0 {
			t.Error("nobody was slow")
		}
		if took := w.end(t); took > 12*time.Second {
			t.Errorf("the stop took %v", took)
		}
	})
}

// A Redis that says nothing any more does not keep a node.
func TestASilentRedisDoesNotHoldUpAStop(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t)
	env := hookEnv(hooks)
	env["RELAY_LOG_RULES"] = "private-log-*"
	env["RELAY_NODE_URL"], env["RELAY_CLUSTER_SECRET"] = "http://127.0.0.1:1", clusterSecret
	w := newWorld(t, env)
	c := w.Connect()
	c.Subscribe("private-log-1")
	c.Join("presence-x", "1")
	w.ConnectXHR(relaytest.XHROptions{}).Subscribe("private-log-1")
	w.redis.Freeze()
	defer w.redis.Thaw()
	took := w.end(t)
	t.Logf("the stop took %v", took)
	if took > 15*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// Nothing keeps the process for ever: it says what hangs, and ends.
func TestAPartThatHangsDoesNotHoldUpAStopForEver(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("it takes 25 s")
	}
	server := relaytest.StartRedis(t)
	r := relaytest.LaunchRelayOf(t, relaytest.BuildFaulty(t), with(server, map[string]string{"RELAY_TEST_HANG": "1"}))
	r.AwaitReady()
	r.Signal(syscall.SIGTERM)
	if state := r.AwaitEnd(relaytest.Patience); state.ExitCode() != 1 {
		t.Errorf("it ended by %v", state)
	}
	said := r.ExpectLog("the end takes too long, and is at once")
	if left := fmt.Sprint(said["not_ended"]); left != "[a part that hangs]" {
		t.Errorf("what is said to hang is %s", left)
	}
}
