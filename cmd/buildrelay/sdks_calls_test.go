package main_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/relay/relaytest"
)

// company is what SDKs ask about: two readers of "a", users u1 (in two tabs) and u2 on
// "presence-p", and u1 signed in.
type company struct {
	reader, user *relaytest.WSClient
}

// counted lets an app tell how many its readers are.
func counted() map[string]string { return map[string]string{"RELAY_APP_SUBSCRIPTION_COUNTS": "true"} }

func newCompany(w world) company {
	c := company{reader: w.Connect(), user: w.Connect()}
	join(c.reader, "a", "")
	join(w.Connect(), "a", "")
	for _, id := range []string{"u1", "u1", "u2"} {
		w.Connect().Join("presence-p", id)
	}
	c.signIn()
	return c
}

func (c company) signIn() {
	c.user.Signin("u1")
	c.user.Subscribe(userChannel("u1"))
}

// expectSent expects what is sent to the user. Nobody may end the user's connections
// before: what ends them does not come after what was sent, by another way.
func (c company) expectSent(t *testing.T, event, data string) {
	t.Helper()
	if got := c.user.Expect(event); got.DataString(t) != data || got.Channel != userChannel("u1") {
		t.Errorf("what is sent to the user came as %s", got.Text)
	}
}

// expectTerminated expects that the relay ends the user's connection.
func (c company) expectTerminated() {
	c.user.ExpectError(4009, "")
	c.user.ExpectClose(4009)
}

func TestNodeSDKMakesEveryCall(t *testing.T) {
	t.Parallel()
	for _, version := range relaytest.SDKVersions() {
		t.Run(version, func(t *testing.T) {
			plainAndTLS(t, counted(), func(t *testing.T, w world) { callByNode(t, w, version) })
		})
	}
}

// call is an answer of an SDK and what it has to be.
type call struct {
	answer relaytest.Answer
	want   string
}

func expectCalls(t *testing.T, calls map[string]call) {
	t.Helper()
	for name, c := range calls {
		if a := c.answer; a.Status != http.StatusOK || a.Error != "" || !sameJSON(t, a.Body, c.want) {
			t.Errorf("%s is answered by %+v, want %s", name, a, c.want)
		}
	}
}

func callByNode(t *testing.T, w world, version string) {
	c := newCompany(w)
	sdk := relaytest.StartSDK(t, version, w.Relay)
	get := func(path, info string) relaytest.Answer {
		params := map[string]string{}
		if info != "" {
			params["info"] = info
		}
		return sdk.Get(path, params)
	}
	expectCalls(t, map[string]call{
		"batch": {sdk.Batch(
			relaytest.Trigger{Channels: []string{"a"}, Event: "e", Data: map[string]int{"x": 1}, Info: "subscription_count"},
			relaytest.Trigger{Channels: []string{"a"}, Event: "e", Data: "x", SocketID: c.reader.SocketID},
		), `{"batch":[{"subscription_count":2},{}]}`},
		"channels": {sdk.Get("/channels", map[string]string{"filter_by_prefix": "presence-", "info": "user_count"}), `{"channels":{"presence-p":{"user_count":2}}}`},
		"channel":  {get("/channels/a", "subscription_count"), `{"occupied":true,"subscription_count":2}`},
		"presence": {get("/channels/presence-p", "user_count"), `{"occupied":true,"user_count":2}`},
		"odd name": {get("/channels/none=@,.;-_", ""), `{"occupied":false}`},
		"users":    {get("/channels/presence-p/users", ""), `{"users":[{"id":"u1"},{"id":"u2"}]}`},
		"nobody":   {get("/channels/presence-q/users", ""), `{"users":[]}`},
		"post":     {sdk.Post("/events", map[string]any{"name": "e", "channels": []string{"b"}, "data": "d"}), `{}`},
	})
	if version >= "4" { // the older ones know neither info nor users
		info := "user_count,subscription_count"
		expectCalls(t, map[string]call{
			"trigger": {
				sdk.Trigger(relaytest.Trigger{Channels: []string{"a", "presence-p"}, Event: "e", Data: "x", Info: info}),
				`{"channels":{"a":{"subscription_count":2},"presence-p":{"user_count":2}}}`,
			},
			"trigger to others": {
				sdk.Trigger(relaytest.Trigger{Channels: []string{"a"}, Event: "e", Data: "x", SocketID: c.reader.SocketID, Info: info}),
				`{"channels":{"a":{"subscription_count":2}}}`,
			},
			"to a user": {sdk.SendToUser("u1", "hello", map[string]string{"to": "é"}), `{}`},
		})
		c.expectSent(t, "hello", `{"to":"é"}`)
		expectCalls(t, map[string]call{
			"terminate": {sdk.Terminate("u1"), `{}`},
			"odd user":  {sdk.Terminate("u 1@x"), `{}`},
		})
		c.expectTerminated()
	}
	c.reader.Await("e")
}

func TestGoSDKMakesEveryCall(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, counted(), func(t *testing.T, w world) {
		sdk := pusher.Client{AppID: relaytest.AppID, Key: relaytest.Key, Secret: relaytest.Secret, Host: w.Address}
		if w.Certs != nil {
			transport := &http.Transport{TLSClientConfig: w.Certs.Client()}
			t.Cleanup(transport.CloseIdleConnections)
			sdk.Secure, sdk.HTTPClient = true, &http.Client{Transport: transport}
		}
		callByGo(t, w, &sdk)
	})
}

// expectAnswer compares what the SDK for Go made of an answer.
func expectAnswer[T any](t *testing.T, what string, want T) func(got T, err error) {
	return func(got T, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (- wanted, + got):\n%s", what, err, diff)
		}
	}
}

func callByGo(t *testing.T, w world, sdk *pusher.Client) {
	c := newCompany(w)
	both, two := ptr("user_count,subscription_count"), 2
	aIsRead := pusher.TriggerChannelListItem{SubscriptionCount: &two}
	expectAnswer(t, "trigger", &pusher.TriggerChannelsList{Channels: map[string]pusher.TriggerChannelListItem{"a": aIsRead}})(
		sdk.TriggerWithParams("a", "e", "x", pusher.TriggerParams{Info: both, SocketID: &c.reader.SocketID}))
	expectAnswer(t, "trigger on several", &pusher.TriggerChannelsList{
		Channels: map[string]pusher.TriggerChannelListItem{"a": aIsRead, "presence-p": {UserCount: &two}},
	})(sdk.TriggerMultiWithParams([]string{"a", "presence-p"}, "e", "x", pusher.TriggerParams{Info: both}))
	expectAnswer(t, "batch", &pusher.TriggerBatchChannelsList{
		Batch: []pusher.TriggerBatchChannelListItem{{SubscriptionCount: &two}, {}, {UserCount: &two}},
	})(sdk.TriggerBatch([]pusher.Event{
		{Channel: "a", Name: "e", Data: "x", Info: both}, {Channel: "a", Name: "e", Data: "x"}, {Channel: "presence-p", Name: "e", Data: "x", Info: both},
	}))
	expectAnswer(t, "channels", &pusher.ChannelsList{Channels: map[string]pusher.ChannelListItem{"presence-p": {UserCount: 2}}})(
		sdk.Channels(pusher.ChannelsParams{FilterByPrefix: ptr("presence-"), Info: ptr("user_count")}))
	expectAnswer(t, "channel", &pusher.Channel{Name: "a", Occupied: true, SubscriptionCount: 2})(
		sdk.Channel("a", pusher.ChannelParams{Info: ptr("subscription_count")}))
	expectAnswer(t, "presence channel", &pusher.Channel{Name: "presence-p", Occupied: true, UserCount: 2})(
		sdk.Channel("presence-p", pusher.ChannelParams{Info: ptr("user_count")}))
	expectAnswer(t, "users", &pusher.Users{List: []pusher.User{{ID: "u1"}, {ID: "u2"}}})(sdk.GetChannelUsers("presence-p"))
	if err := sdk.SendToUser("u1", "hello", map[string]string{"to": "é"}); err != nil {
		t.Errorf("sending to a user: %v", err)
	}
	c.expectSent(t, "hello", `{"to":"é"}`)
	terminate(t, w, "u1") // the SDK for Go cannot
	c.expectTerminated()
	c.reader.Await("e")
}
