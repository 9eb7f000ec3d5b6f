package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"buildrelay/relay/api"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

// sealedWorld is a world whose builds have sealed logs.
type sealedWorld struct {
	world
	env  map[string]string // what relay and backends share
	keys *seal.Keys
}

func newSealedWorld(t *testing.T) sealedWorld {
	t.Helper()
	file, keys := newKeysFile(t)
	env := map[string]string{
		"RELAY_LOG_RULES": "private-build-* replay=all", "RELAY_APP_SEAL": "required", "RELAY_KEYS_FILE": file,
	}
	server := relaytest.StartRedis(t, relaytest.RedisSettings("rdbcompression no"))
	return sealedWorld{world{relaytest.StartRelay(t, with(server, env)), server}, env, keys}
}

// newKeysFile makes a file with a key.
func newKeysFile(t *testing.T) (file string, keys *seal.Keys) {
	t.Helper()
	set, err := seal.New()
	if err != nil {
		t.Fatal(err)
	}
	text, err := set.Text(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, seal.NewKeys(set)
}

// append appends a line as a backend does that seals by itself.
func (w sealedWorld) append(t *testing.T, line int) {
	t.Helper()
	const event = "build:output"
	data, err := w.keys.SealEntry(relaytest.AppID, tailed, event, "", fmt.Sprintf(`{"seq":%d,"text":"line %d\n"}`, line, line))
	if err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf("buildrelay:{%s:%s}", relaytest.AppID, tailed)
	if err := w.redis.Client().Eval(t.Context(), broker.AppendScript(), []string{key}, event, data).Err(); err != nil {
		t.Fatal(err)
	}
}

// expectNowhere fails the test if Redis holds the text.
func (w sealedWorld) expectNowhere(t *testing.T, text string) {
	t.Helper()
	keys, err := w.redis.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d keys (%v)", len(keys), err)
	}
	for _, key := range keys {
		if value := w.redis.Client().Dump(t.Context(), key).Val(); strings.Contains(key+value, text) {
			t.Errorf("%q is in %s", text, key)
		}
	}
}

// Whoever publishes and whoever reads, in whatever way, nothing but Redis sees that it is
// sealed.
func TestASealedBuildIsWholeForEveryReader(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	resume := map[string]any{"rewind": map[string]any{"from": "start"}}
	page := relaytest.StartPusherJS(t, "8.6.0", w.Relay, relaytest.PusherJSOptions{Resume: resume})
	page.ExpectState("connected")
	page.Subscribe(tailed)
	page.ExpectSubscribed(tailed)
	tail := w.tail(t, tailed)
	w.print(t, 1, 3)
	tail.expect(numbered(1, 3))
	page.Cut()
	w.append(t, 4)
	w.print(t, 5, 1)
	w.expectNowhere(t, "line ")
	w.finish(t)
	tail.expectEnd(0, numbered(4, 2))
	if log := page.ExpectTold("complete"); !log.Complete || !log.Sealed || log.Final == nil || log.Final.Entries != 6 {
		t.Errorf("the page knows %+v", log)
	}
	text := ""
	for _, said := range page.Said() {
		var output struct{ Text string }
		if said.Type == "event" && json.Unmarshal(said.Data, &output) == nil {
			text += output.Text
		}
	}
	if text != numbered(1, 5) {
		t.Errorf("the page shows %q", text)
	}
	status, reply := w.Request(http.MethodGet, "/channels/"+tailed+"/history", "")
	var history api.History
	if err := json.Unmarshal([]byte(reply), &history); err != nil || len(history.Entries) != 6 || !history.Entries[0].Sealed {
		t.Errorf("the history is %d %s", status, reply)
	}
	if status, reply = w.Request(http.MethodGet, "/channels/"+tailed+"/log", ""); reply != numbered(1, 5) {
		t.Errorf("the download is %d %q", status, reply)
	}
	if n := w.Metric(`buildrelay_seal_refused_total{why="plain"}`) + w.Metric(`buildrelay_seal_refused_total{why="forged"}`); n > 0 {
		t.Errorf("%v events were refused", n)
	}
}

// Through Redis pipe seals by itself, and publishes nothing where it cannot.
func TestPipeSealsWhatItPublishesThroughRedis(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	run := func(without string) ([]byte, error) {
		cmd := w.pipeCommand(t, "--channel", tailed, "--", "printf", numbered(1, 3))
		for name, value := range w.env {
			if name != without {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
		}
		return cmd.CombinedOutput()
	}
	said, err := run("RELAY_KEYS_FILE")
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) || exit.ExitCode() != 125 || !strings.Contains(string(said), "RELAY_KEYS_FILE is not set") {
		t.Errorf("without keys it ends with %v and says %s", err, said)
	}
	if said, err := run(""); err != nil || string(said) != numbered(1, 3) {
		t.Errorf("it ends with %v and says %s", err, said)
	}
	w.tail(t, tailed).expectEnd(0, numbered(1, 3))
	w.expectNowhere(t, "line ")
}
