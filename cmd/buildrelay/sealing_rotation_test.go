package main_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/protocol"
	"buildrelay/relay/api"
	"buildrelay/relay/relaytest"
)

const keysTaken = `buildrelay_sealing_keys_reloads_total{outcome="taken"}`

// changeKeys runs 'buildrelay keys', and returns the first word that it prints: a key's id.
func (w sealedWorld) changeKeys(t *testing.T, args ...string) (id, said string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), append([]string{"keys"}, args...)...)
	cmd.Env = []string{
		relaytest.QuickExit, "RELAY_REDIS_URL=" + w.redis.URL(),
		"RELAY_APP_ID=" + relaytest.AppID, "RELAY_APP_KEY=" + relaytest.Key, "RELAY_APP_SECRET=" + relaytest.Secret,
	}
	for name, value := range w.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	id, _, _ = strings.Cut(string(out), " ")
	return id, string(out), err
}

// rotate changes the key that seals, as operators do, and waits for the relay each time. It
// returns the new one.
func (w sealedWorld) rotate(t *testing.T) (id string) {
	t.Helper()
	for _, step := range []string{"create", "rotate"} {
		taken := w.counting(keysTaken)
		var said string
		var err error
		if id, said, err = w.changeKeys(t, step); err != nil {
			t.Fatalf("keys %s: %v %s", step, err, said)
		}
		taken(t, 1)
	}
	w.ExpectMetric(`buildrelay_sealing_key{key="`+id+`"}`, "is 1", is(1))
	return id
}

// firstShown is the data of the first event that the history shows, and how many before it are
// told as ones that cannot be read.
func (w sealedWorld) firstShown(t *testing.T) (data string, unavailable int64) {
	t.Helper()
	for query := (url.Values{}); ; {
		var page api.History
		status, reply := w.RequestWith(http.MethodGet, "/channels/"+tailed+"/history", query, "")
		if err := json.Unmarshal([]byte(reply), &page); err != nil {
			t.Fatalf("%d %s: %v", status, reply, err)
		}
		if gap := page.Gap; gap != nil {
			if gap.Reason != protocol.GapUnavailable || gap.Missing == nil {
				t.Fatalf("the gap is %+v", gap)
			}
			unavailable += *gap.Missing
		}
		if len(page.Entries) > 0 {
			return page.Entries[0].Data, unavailable
		}
		query.Set("since", *page.Next)
	}
}

// expectFirstRead waits until somebody who comes new and reads the log from its beginning is given
// this event first. Readers share what a node keeps of logs.
func (w world) expectFirstRead(t *testing.T, event string) {
	t.Helper()
	for deadline := time.Now().Add(relaytest.Patience); ; {
		c := w.Connect()
		c.Subscribe(tailed)
		first := c.Next()
		c.Cut()
		if first.Event == event {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log begins with %s, want %s", first, event)
		}
	}
}

// Keys change while a build is published and watched: nothing is refused, lost or told as
// missing. A key that entries need is not retired, unless that is forced: then what it has sealed
// is told as missing.
func TestKeysAreRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	w := newSealedWorld(t)
	first := w.keys.Current().Seals().String()
	log := &numberedLog{t: t, redis: w.redis, channel: tailed}
	page := log.read("8.6.0", w.world, relaytest.PusherJSOptions{})
	sdk := pusher.Client{AppID: relaytest.AppID, Key: relaytest.Key, Secret: relaytest.Secret, Host: w.Address}
	going, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	defer writing.Wait()
	defer stop()
	writing.Go(func() {
		next := time.NewTicker(5 * time.Millisecond)
		defer next.Stop()
		for going.Err() == nil {
			<-next.C
			log.lines++
			if err := sdk.Trigger(tailed, "line", log.lines); err != nil {
				t.Errorf("line %d is refused: %v", log.lines, err)
			}
		}
	})
	rotations := 1
	if relaytest.Full() {
		rotations = 5
	}
	for range rotations {
		w.rotate(t)
		if data, unavailable := w.firstShown(t); data != "1" || unavailable > 0 {
			t.Errorf("the history begins with %s behind %d", data, unavailable)
		}
		page.Cut()
	}
	stop()
	writing.Wait()
	page.expectNewest()
	page.expectLines(1)

	if _, said, err := w.changeKeys(t, "retire", first); err == nil || !strings.Contains(said, first) {
		t.Errorf("a key that is needed is retired: %v %s", err, said)
	}
	w.expectFirstRead(t, "line")
	taken := w.counting(keysTaken)
	if _, said, err := w.changeKeys(t, "retire", "-force", first); err != nil {
		t.Errorf("retiring by force: %v %s", err, said)
	}
	taken(t, 1)
	w.expectFirstRead(t, "relay:gap")
	data, unavailable := w.firstShown(t)
	if unavailable == 0 || data != strconv.FormatInt(unavailable+1, 10) {
		t.Errorf("without the key the history begins with %s behind %d", data, unavailable)
	}
}
