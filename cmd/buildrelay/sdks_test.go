package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/relay/relaytest"
)

// audience is a client that is subscribed to two channels.
func audience(w world) *relaytest.WSClient {
	c := w.Connect()
	c.Subscribe("a")
	c.Subscribe("private-b")
	return c
}

func TestNodeSDKPublishes(t *testing.T) {
	t.Parallel()
	for _, version := range relaytest.SDKVersions() {
		t.Run(version, func(t *testing.T) {
			plainAndTLS(t, nil, func(t *testing.T, w world) { publishByNode(t, w, version) })
		})
	}
}

func publishByNode(t *testing.T, w world, version string) {
	c := audience(w)
	sdk := relaytest.StartSDK(t, version, w.Relay)
	answers := []relaytest.Answer{
		sdk.Trigger(relaytest.Trigger{Channels: []string{"a"}, Event: "one", Data: map[string]string{"text": "<&>é"}}),
		sdk.Trigger(relaytest.Trigger{Channels: []string{"a", "private-b"}, Event: "many", Data: "x"}),
		sdk.Trigger(relaytest.Trigger{Channels: []string{"a"}, Event: "not-for-c", Data: "x", SocketID: c.SocketID}),
		sdk.Trigger(relaytest.Trigger{Channels: []string{"a"}, Event: "last", Data: "x"}),
	}
	for i, answer := range answers {
		if answer.Status != http.StatusOK || answer.Error != "" || strings.TrimSpace(answer.Body) != "{}" {
			t.Errorf("call %d is answered by %+v", i, answer)
		}
	}
	if got := c.Await("one"); got.DataString(t) != `{"text":"<&>é"}` {
		t.Errorf("the event came as %v", got)
	}
	for range 2 {
		c.Await("many")
	}
	c.Await("last")
	expectNone(t, c, "not-for-c")
	if got := sdk.Get("/channels", map[string]string{"filter_by_prefix": "private-"}); strings.TrimSpace(got.Body) != `{"channels":{"private-b":{}}}` {
		t.Errorf("the channels are %+v", got)
	}
}

func TestGoSDKPublishes(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		c := audience(w)
		sdk := pusher.Client{AppID: relaytest.AppID, Key: relaytest.Key, Secret: relaytest.Secret, Host: w.Address}
		if w.Certs != nil {
			transport := &http.Transport{TLSClientConfig: w.Certs.Client()}
			t.Cleanup(transport.CloseIdleConnections)
			sdk.Secure, sdk.HTTPClient = true, &http.Client{Transport: transport}
		}
		publishByGo(t, &sdk, c)
	})
}

func publishByGo(t *testing.T, sdk *pusher.Client, c *relaytest.WSClient) {
	private := "private-"
	for name, call := range map[string]func() error{
		"one":  func() error { return sdk.Trigger("a", "one", map[string]string{"text": "<&>é"}) },
		"many": func() error { return sdk.TriggerMulti([]string{"a", "private-b"}, "many", "x") },
		"not for one": func() error {
			_, err := sdk.TriggerWithParams("a", "not-for-c", "x", pusher.TriggerParams{SocketID: &c.SocketID})
			return err
		},
		"batch": func() error {
			_, err := sdk.TriggerBatch([]pusher.Event{
				{Channel: "a", Name: "batch", Data: "1"}, {Channel: "private-b", Name: "batch", Data: "2"},
			})
			return err
		},
		"channels": func() error {
			list, err := sdk.Channels(pusher.ChannelsParams{FilterByPrefix: &private})
			if err == nil {
				if diff := cmp.Diff(map[string]pusher.ChannelListItem{"private-b": {}}, list.Channels); diff != "" {
					t.Errorf("channels (- wanted, + got):\n%s", diff)
				}
			}
			return err
		},
		"channel": func() error {
			channel, err := sdk.Channel("a", pusher.ChannelParams{})
			if err == nil && !channel.Occupied {
				t.Error("the channel is not occupied")
			}
			return err
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sdk.TriggerMulti([]string{"a", "private-b"}, "last", "x"); err != nil {
		t.Error(err)
	}
	for range 2 { // channels are not ordered among each other
		c.Await("last")
	}
	for event, times := range map[string]int{"one": 1, "many": 2, "batch": 2, "not-for-c": 0} {
		if got := count(c, event); got != times {
			t.Errorf("the event %s came %d times, want %d", event, got, times)
		}
	}
}

func TestSDKsAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	sdk := pusher.Client{AppID: relaytest.AppID, Key: relaytest.Key, Secret: "wrong", Host: w.Address}
	if err := sdk.Trigger("a", "e", "x"); err == nil || !strings.Contains(err.Error(), "Invalid signature") {
		t.Errorf("a wrong secret is answered by %v", err)
	}
	node := relaytest.StartSDK(t, "5.3.4", w.Relay)
	if got := node.Trigger(relaytest.Trigger{Channels: []string{"a"}, Event: "pusher:x", Data: "x"}); got.Status != http.StatusBadRequest {
		t.Errorf("a reserved name is answered by %+v", got)
	}
}

// count is how often the event came so far.
func count(c *relaytest.WSClient, event string) int {
	n := 0
	for _, r := range c.Received() {
		if r.Event == event {
			n++
		}
	}
	return n
}

func expectNone(t *testing.T, c *relaytest.WSClient, event string) {
	t.Helper()
	if n := count(c, event); n > 0 {
		t.Errorf("the event %s came %d times, want none", event, n)
	}
}
