package main_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/api"
	"buildrelay/relay/broker"
	"buildrelay/relay/pipe"
	"buildrelay/relay/relaytest"
)

// masked is the environment of relays that mask on the channels of builds.
func masked(t *testing.T) map[string]string {
	t.Helper()
	file, _ := newKeysFile(t)
	env := buildLogs()
	maps.Copy(env, map[string]string{
		"RELAY_KEYS_FILE": file, "RELAY_MASK_RULES": "private-build-* shapes=on notice=on", "RELAY_APP_LIMITS": "batch=1000 data=100KiB",
	})
	return env
}

// mask registers values, of the whole app where the channel is "".
func (w world) mask(t *testing.T, channel string, values ...string) {
	t.Helper()
	body := map[string]any{"values": values}
	if channel != "" {
		body["channel"] = channel
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if status, reply := w.Request(http.MethodPost, "/masks", string(text)); status != http.StatusOK || !strings.Contains(reply, `"refused":[]`) {
		t.Fatalf("registering: %d %s", status, reply)
	}
}

const probeValue = "what-is-registered-last"

// awaitMasked waits until a node knows what was registered last: all that was before it knows, too.
func (w world) awaitMasked(t *testing.T, channel string) {
	t.Helper()
	relaytest.Eventually(t, "the node masks "+channel, func() bool {
		w.publish("e", probeValue, channel)
		l := w.redis.Client().XRevRangeN(t.Context(), "buildrelay:{"+relaytest.AppID+":"+channel+"}", "+", "-", 1).Val()
		return len(l) == 1 && l[0].Values["d"] == "***"
	})
}

// printed is what the build of leaky prints, both outputs.
func printed(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", leaky())
	cmd.Env = []string{"TOKEN=" + token, "KEY=" + deployKey, "PATH=/usr/bin:/bin"}
	output, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte(token)) {
		t.Fatalf("the build: %v, %q", err, output)
	}
	return string(output)
}

func output(t *testing.T, text string) string {
	t.Helper()
	data, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// One node is told what is secret, another one publishes, and somebody else appends.
func TestWhatWasRegisteredIsNowhere(t *testing.T) {
	t.Parallel()
	env := masked(t)
	w := newWorld(t, env)
	other := world{relaytest.StartRelay(t, with(w.redis, env)), w.redis}
	const byHTTP, byScript, probe = "private-build-1", "private-build-2", "private-build-0"
	readers := []*reader{w.read(t, byHTTP), other.read(t, byHTTP), w.read(t, byScript), other.read(t, byScript)}
	for _, channel := range []string{byHTTP, byScript} {
		w.mask(t, channel, token, deployKey)
	}
	w.mask(t, probe, probeValue)
	other.awaitMasked(t, probe)

	build := printed(t)
	other.publishBatch(t, byHTTP, strings.SplitAfter(build, "\n"))
	w.appendOutput(t, byScript, build)

	for i, r := range readers {
		told := r.everything()
		expectNoSecret(t, "a reader", told)
		if !bytes.Contains(told, []byte("last words")) {
			t.Errorf("reader %d was not told the end: %.200q", i, told)
		}
	}
	for _, channel := range []string{byHTTP, byScript} {
		for _, node := range []world{w, other} {
			node.expectNoSecretInLog(t, channel)
		}
		w.tail(t, channel).expectNoSecret()
	}
	expectNoSecret(t, "Redis", w.everythingBut(t, byScript))
	if n := w.Metric(`buildrelay_masks_unreadable`); n > 0 {
		t.Errorf("%v registrations cannot be read", n)
	}
	other.ExpectMetric(`buildrelay_masked_total{app="3",kind="value",place="publish"}`, "grows", func(n float64) bool { return n > 10 })
}

// Who comes after something was registered is given nothing that was kept before.
func TestWhatIsKeptOfACacheChannelIsMaskedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, masked(t))
	const channel = "cache-x"
	early := w.Connect()
	early.Subscribe(channel)
	early.Expect("pusher:cache_miss")
	w.publish("e", "say "+token, channel)
	early.Expect("e")
	w.mask(t, channel, token)
	late := w.Connect()
	late.Subscribe(channel)
	if got := late.Expect("e"); string(got.Data) != `"say ***"` {
		t.Errorf("who subscribes later is told %s", got.Data)
	}
	if data, _ := cacheOf(t, w, channel); data != "say ***" {
		t.Errorf("over HTTP: %q", data)
	}
}

// publishBatch publishes output in one call, an event for each piece.
func (w world) publishBatch(t *testing.T, channel string, pieces []string) {
	t.Helper()
	type event struct {
		Name    string `json:"name"`
		Channel string `json:"channel"`
		Data    string `json:"data"`
		Final   bool   `json:"final,omitempty"`
	}
	var batch []event
	for _, piece := range pieces {
		batch = append(batch, event{pipe.EventOutput, channel, output(t, piece), false})
	}
	batch = append(batch, event{pipe.EventFinished, channel, `{"exit_code":0}`, true})
	body, err := json.Marshal(map[string]any{"batch": batch})
	if err != nil {
		t.Fatal(err)
	}
	if status, reply := w.Request(http.MethodPost, "/batch_events", string(body)); status != http.StatusOK {
		t.Fatalf("publishing: %d %s", status, reply)
	}
}

// appendOutput appends output as a backend does that masks nothing.
func (w world) appendOutput(t *testing.T, channel, text string) {
	t.Helper()
	key := []string{"buildrelay:{" + relaytest.AppID + ":" + channel + "}"}
	for _, args := range [][]any{{pipe.EventOutput, output(t, text)}, {pipe.EventFinished, `{"exit_code":0}`, "", `{"final":true}`}} {
		if err := w.redis.Client().Eval(t.Context(), broker.AppendScript(), key, args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// expectNoSecretInLog reads a log in all ways that the HTTP API has.
func (w world) expectNoSecretInLog(t *testing.T, channel string) {
	t.Helper()
	status, reply := w.Request(http.MethodGet, "/channels/"+channel+"/history", "")
	var history api.History
	if err := json.Unmarshal([]byte(reply), &history); err != nil || len(history.Entries) < 2 {
		t.Fatalf("the history is %d %.300s (%v)", status, reply, err)
	}
	expectNoSecret(t, "the history", []byte(reply))
	for _, entry := range history.Entries {
		expectNoSecret(t, "the history", []byte(entry.Data))
	}
	status, reply = w.Request(http.MethodGet, "/channels/"+channel+"/log", "")
	if status != http.StatusOK || !strings.Contains(reply, "last words") {
		t.Errorf("the download is %d %.300s", status, reply)
	}
	expectNoSecret(t, "the download", []byte(reply))
}

// everythingBut is all that Redis keeps, but the log of a channel.
func (w world) everythingBut(t *testing.T, channel string) []byte {
	t.Helper()
	redis := w.redis.Client()
	var all bytes.Buffer
	for _, key := range redis.Keys(t.Context(), "*").Val() {
		if strings.HasSuffix(key, ":"+channel+"}") {
			continue
		}
		switch redis.Type(t.Context(), key).Val() {
		case "stream":
			for _, entry := range redis.XRange(t.Context(), key, "-", "+").Val() {
				for name, value := range entry.Values {
					all.WriteString(name + "=" + value.(string) + "\n")
				}
			}
		case "hash":
			for name, value := range redis.HGetAll(t.Context(), key).Val() {
				all.WriteString(name + "=" + value + "\n")
			}
		default:
			all.WriteString(redis.Dump(t.Context(), key).Val())
		}
	}
	return all.Bytes()
}

// expectNoSecret reads to the end.
func (x *tail) expectNoSecret() {
	x.t.Helper()
	var text bytes.Buffer
	if _, err := text.ReadFrom(x.stdout); err != nil || !strings.Contains(text.String(), "last words") {
		x.t.Errorf("printed %q (%v)", text.String(), err)
	}
	expectNoSecret(x.t, "tail", text.Bytes())
	if err := x.cmd.Wait(); err != nil {
		x.t.Errorf("ended with %v; told %s", err, x.stderr)
	}
}

// Where a rule says so readers are told, on whatever node.
func TestReadersAreToldThatSomethingWasMasked(t *testing.T) {
	t.Parallel()
	env := masked(t)
	w := newWorld(t, env)
	other := world{relaytest.StartRelay(t, with(w.redis, env)), w.redis}
	for channel, publish := range map[string]func(string){
		"private-build-1": func(channel string) { w.publish("e", "say "+token, channel) },
		"private-build-2": func(channel string) { w.appendOutput(t, channel, "say "+token) },
	} {
		w.mask(t, channel, token)
		w.mask(t, "private-build-0", probeValue)
		other.awaitMasked(t, "private-build-0")
		readers := []*reader{w.read(t, channel), other.read(t, channel)}
		for _, node := range []world{w, other} {
			relaytest.Eventually(t, "the channel is heard", func() bool { return node.occupied(channel) })
		}
		publish(channel)
		for _, r := range readers {
			var told struct {
				Channel string
				Count   int
				Kinds   []string
			}
			if err := json.Unmarshal([]byte(r.await("relay:masked")), &told); err != nil || told.Channel != channel || told.Count < 1 || !slices.Equal(told.Kinds, []string{"value"}) {
				t.Errorf("told %+v (%v)", told, err)
			}
		}
	}
}

// await waits for an event, whatever comes before it, and returns its data.
func (r *reader) await(event string) string {
	r.t.Helper()
	for {
		if e := r.client.Next(); e.Event == event {
			return e.DataString(r.t)
		}
	}
}

// The record of it has no value.
func TestRegistrationsAndHitsAreRecorded(t *testing.T) {
	t.Parallel()
	env := masked(t)
	env["RELAY_DATA_DIR"] = t.TempDir()
	w := newWorld(t, env)
	w.mask(t, "private-build-1", token)
	w.mask(t, "", token)
	w.publish("e", "say "+token, "private-build-1")
	for action, want := range map[string]string{
		"relay.mask.register": `"count":1`, "relay.mask.hit": `"kind":"value","place":"publish","count":1`,
	} {
		relaytest.Eventually(t, action+" is recorded", func() bool {
			status, reply := w.AskMetrics("/audit/records?action=" + action)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, reply)
			}
			expectNoSecret(t, "the trail", []byte(reply))
			return strings.Contains(strings.ReplaceAll(reply, `": `, `":`), want)
		})
	}
}

func TestWithoutKeysNothingCanBeRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, buildLogs())
	status, reply := w.Request(http.MethodPost, "/masks", `{"values":["`+"hunter2-hunter2"+`"]}`)
	if status != http.StatusConflict || !strings.Contains(reply, "RELAY_KEYS_FILE") || strings.Contains(reply, "hunter2") {
		t.Errorf("%d %s", status, reply)
	}
	w.publish("e", "goes on", "private-build-1")
}
