package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/api"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// logWorld is an API that reads logs in a real Redis, behind a real HTTP server.
type logWorld struct {
	t        *testing.T
	redis    *relaytest.Redis
	broker   *broker.Broker
	api      *api.API
	url      string
	stopping chan struct{}
}

const logChannel = "private-build-7"

// newLogWorld starts it. Channels that begin with private- are log channels, which
// retain so many entries. changes may change the server.
func newLogWorld(t *testing.T, entries int, changes ...func(*http.Server)) *logWorld {
	t.Helper()
	w := &logWorld{t: t, redis: relaytest.StartRedis(t), stopping: make(chan struct{})}
	rules := protocol.LogRules{{Pattern: "private-*", Events: entries, Bytes: protocol.DefaultLogBytes, Keep: time.Hour}}
	apps, err := auth.NewApps(auth.App{ID: "3", Keys: []auth.Key{{Key: key, Secret: secret}}, Logs: rules})
	if err != nil {
		t.Fatal(err)
	}
	options, err := redisconn.ParseURL(auth.Secret(w.redis.URL()), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, discard := metrics.New(prometheus.NewRegistry()), slog.New(slog.DiscardHandler)
	w.broker = broker.New(broker.Config{
		Redis: options, Prefix: "buildrelay", Metrics: m, Log: discard,
		LogRule: func(_, channel string) *protocol.LogRule { return rules.Find(channel) },
	})
	w.api = &api.API{
		Apps: apps, Publisher: w.broker, Occupancy: &occupancy{}, Caches: &occupancy{}, Logs: w.broker,
		Metrics: m, Log: discard, Now: time.Now, Stopping: w.stopping,
	}
	server := httptest.NewUnstartedServer(w.api)
	for _, change := range changes {
		change(server.Config)
	}
	server.Start()
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// awaitReaders waits until so many calls stream the log or wait for it.
func (w *logWorld) awaitReaders(n int64) {
	w.t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.After(relaytest.Patience); w.api.Readers() != n; {
		select {
		case <-again.C:
		case <-deadline:
			w.t.Fatalf("%d readers, want %d", w.api.Readers(), n)
		}
	}
}

// output is an event whose text is what the build printed.
func output(text string) protocol.Event {
	data, _ := json.Marshal(map[string]any{"seq": 1, "text": text}) // cannot fail: strings and numbers
	return protocol.Event{Name: "build:output", Channel: logChannel, Data: string(data)}
}

// final is an event that closes the log.
func final() protocol.Event {
	return protocol.Event{
		Name: "build:finished", Channel: logChannel, Data: `{"exit_code":0,"lost":0}`,
		Append: &protocol.Append{Final: &protocol.Final{}},
	}
}

// publish appends events and returns their positions.
func (w *logWorld) publish(events ...protocol.Event) []protocol.Position {
	w.t.Helper()
	receipt, err := w.broker.Publish(context.Background(), "3", events)
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt.Positions
}

// print appends so many lines, numbered from a number on, a few hundred in each call: one has
// two seconds.
func (w *logWorld) print(from, lines int) (at []protocol.Position) {
	w.t.Helper()
	var events []protocol.Event
	for i := range lines {
		events = append(events, output(line(from+i)))
	}
	for some := range slices.Chunk(events, 500) {
		at = append(at, w.publish(some...)...)
	}
	return at
}

func line(n int) string { return fmt.Sprintf("line %d\n", n) }

// lines is the text of print.
func lines(from, count int) string {
	var text strings.Builder
	for i := range count {
		text.WriteString(line(from + i))
	}
	return text.String()
}

// target is a signed URL of the channel; query holds what is asked.
func (w *logWorld) target(method, path, query string) string {
	w.t.Helper()
	asked, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	path = "/apps/3/channels/" + path
	return w.url + path + "?" + auth.SignRequest(auth.Key{Key: key, Secret: secret}, method, path, asked, nil, time.Now())
}

// answered is an answer whose body is read elsewhere.
type answered struct {
	status  int
	header  http.Header
	length  int64       // -1 if not told
	trailer http.Header // complete when the body was read to its end
}

// call makes a call, with header's names and values in turn.
func (w *logWorld) call(method, path, query string, header ...string) (answered, io.Reader) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.target(method, path, query), http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { response.Body.Close() })
	return answered{response.StatusCode, response.Header, response.ContentLength, response.Trailer}, response.Body
}

// get returns what a GET answers.
func (w *logWorld) get(path, query string, header ...string) (got answered, body string) {
	w.t.Helper()
	got, from := w.call(http.MethodGet, path, query, header...)
	text, err := io.ReadAll(from)
	if err != nil {
		w.t.Fatalf("%s?%s: %v", path, query, err)
	}
	return got, string(text)
}

// history returns a page of the log.
func (w *logWorld) history(query string) api.History {
	w.t.Helper()
	got, body := w.get(logChannel+"/history", query)
	var page api.History
	if err := json.Unmarshal([]byte(body), &page); err != nil || got.status != http.StatusOK {
		w.t.Fatalf("history?%s: %d %s", query, got.status, body)
	}
	return page
}

// printed is the text of a page's entries.
func printed(page api.History) string {
	var text []byte
	for _, e := range page.Entries {
		more, _ := api.TextOf(e.Event, e.Data)
		text = append(text, more...)
	}
	return string(text)
}
