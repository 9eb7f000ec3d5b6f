package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// A backend that has logs does not change what others are answered.
func TestOnlyEventsThatJoinedALogAreAnsweredWithPositions(t *testing.T) {
	t.Parallel()
	at := protocol.Position{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: 7, Nonce: 9}}
	for name, tt := range map[string]struct {
		receipt protocol.Receipt
		want    string
	}{
		"a live channel": {protocol.Receipt{Positions: make([]protocol.Position, 1)}, `{}`},
		"a log channel":  {protocol.Receipt{Positions: []protocol.Position{at}}, `{"relay":{"positions":["0123456789abcdef:7-9"],"watched":false}}`},
		"one of each": {
			protocol.Receipt{Positions: []protocol.Position{{}, at}, Watched: true},
			`{"relay":{"positions":["0:0-0","0123456789abcdef:7-9"],"watched":true}}`,
		},
	} {
		b := newBackend(t)
		b.receipt = tt.receipt
		if status, text := b.post(t, "events", `{"name":"e","channel":"a","data":"d"}`); status != http.StatusOK || text != tt.want+"\n" {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
}

// withLogs is a backend whose events go to a real Redis, where log-a and so on are
// log channels.
func withLogs(t *testing.T) (*backend, *broker.Broker) {
	t.Helper()
	options, err := redisconn.ParseURL(auth.Secret(relaytest.StartRedis(t).URL()), nil)
	if err != nil {
		t.Fatal(err)
	}
	rules := protocol.LogRules{{Pattern: "log-*", Events: 1000, Bytes: protocol.DefaultLogBytes, Keep: protocol.DefaultLogKeep}}
	log := slog.New(slog.DiscardHandler)
	b := newBackend(t)
	engine := broker.New(broker.Config{
		Redis: options, Prefix: "buildrelay", Metrics: metrics.New(prometheus.NewRegistry()), Log: log,
		LogRule: func(_, channel string) *protocol.LogRule { return rules.Find(channel) },
	})
	b.Publisher = engine
	return b, engine
}

// publish publishes an event with further members, and returns the answer.
func (b *backend) publish(t *testing.T, channel, members string) (status int, positions []string, text string) {
	t.Helper()
	status, text = b.post(t, "events", fmt.Sprintf(`{"name":"e","channel":%q,"data":"d"%s}`, channel, members))
	var answer struct {
		Relay struct{ Positions []string }
	}
	if status == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return status, answer.Relay.Positions, text
}

func TestPublishedEventsJoinTheirLogs(t *testing.T) {
	t.Parallel()
	b, engine := withLogs(t)
	_, first, _ := b.publish(t, "log-a", `,"id":"1","begin":true`)
	_, again, _ := b.publish(t, "log-a", `,"id":"1","begin":true`)
	if diff := cmp.Diff(first, again); diff != "" || len(first) != 1 {
		t.Fatalf("the retry got another position than %v: %s", first, diff)
	}
	epoch, _, _ := strings.Cut(first[0], ":")
	if status, _, text := b.publish(t, "log-a", `,"epoch":"0123456789abcdef"`); status != http.StatusConflict || !strings.HasPrefix(text, "log gone:") {
		t.Errorf("another epoch: %d %s", status, text)
	}
	if status, _, text := b.publish(t, "log-a", `,"epoch":"`+epoch+`","final":{"lines":1,"bytes":2}`); status != http.StatusOK {
		t.Errorf("the end: %d %s", status, text)
	}
	if status, _, text := b.publish(t, "log-a", ""); status != http.StatusConflict || !strings.HasPrefix(text, "log closed:") {
		t.Errorf("after the end: %d %s", status, text)
	}
	page, err := engine.ReadLog(t.Context(), "3", "log-a", protocol.Start{Kind: protocol.StartFirst})
	if err != nil || len(page.Entries) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	if f := page.Entries[1].Link.Final; f == nil || *f.Lines != 1 || *f.Bytes != 2 || f.Entries != 2 {
		t.Errorf("final %+v", f)
	}
	if status, positions, text := b.publish(t, "log-a", `,"begin":true`); status != http.StatusOK || strings.HasPrefix(positions[0], epoch) {
		t.Errorf("a new beginning: %d %s", status, text)
	}
}

func TestLiveChannelsTakeNoNoticeOfHowLogsAreJoined(t *testing.T) {
	t.Parallel()
	b, _ := withLogs(t)
	if status, _, text := b.publish(t, "a", `,"id":"1","begin":true,"epoch":"0123456789abcdef","final":true`); status != http.StatusOK || text != "{}\n" {
		t.Errorf("%d %s", status, text)
	}
}

func TestABatchIsAnsweredWithThePositionsInItsOrder(t *testing.T) {
	t.Parallel()
	b, _ := withLogs(t)
	event := func(channel string) string { return `{"name":"e","channel":"` + channel + `","data":"d"}` }
	status, text := b.post(t, "batch_events", `{"batch":[`+event("log-a")+","+event("live")+","+event("log-b")+","+event("log-a")+`]}`)
	var answer struct {
		Relay struct{ Positions []string }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	var offsets []uint64
	for _, position := range answer.Relay.Positions {
		at, err := protocol.ParsePosition(position)
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, at.ID.Offset)
	}
	if diff := cmp.Diff([]uint64{1, 0, 1, 2}, offsets); diff != "" {
		t.Error(diff)
	}
}
