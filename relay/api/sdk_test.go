package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/protocol"
)

// goSDK is Pusher's SDK for Go, which calls b over HTTP.
func goSDK(t *testing.T, b *backend) *pusher.Client {
	t.Helper()
	b.Now = time.Now
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return &pusher.Client{AppID: "3", Key: key, Secret: secret, Host: strings.TrimPrefix(server.URL, "http://")}
}

func TestGoSDKReadsWhoIsThere(t *testing.T) {
	t.Parallel()
	sdk := goSDK(t, withAudience(t))
	list, err := sdk.Channels(pusher.ChannelsParams{FilterByPrefix: new("presence-"), Info: new("user_count")})
	wantList := &pusher.ChannelsList{Channels: map[string]pusher.ChannelListItem{
		"presence-b": {UserCount: 2}, "presence-cache-f": {UserCount: 1},
	}}
	if diff := cmp.Diff(wantList, list); err != nil || diff != "" {
		t.Errorf("channels: %v %s", err, diff)
	}
	for name, want := range map[string]*pusher.Channel{
		"presence-b":  {Name: "presence-b", Occupied: true, UserCount: 2},
		"a":           {Name: "a", Occupied: true, SubscriptionCount: 2},
		"none=@,.;-_": {Name: "none=@,.;-_"},
	} {
		info := "subscription_count"
		if want.UserCount > 0 {
			info = "user_count"
		}
		got, err := sdk.Channel(name, pusher.ChannelParams{Info: &info})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	users, err := sdk.GetChannelUsers("presence-b")
	if diff := cmp.Diff(&pusher.Users{List: []pusher.User{{ID: "u1"}, {ID: "u2"}}}, users); err != nil || diff != "" {
		t.Errorf("users: %v %s", err, diff)
	}
	if _, err := sdk.GetChannelUsers("a"); err == nil || !strings.Contains(err.Error(), "no presence channel") {
		t.Errorf("users of a channel that has none: %v", err)
	}
}

func TestGoSDKIsToldWhatItAsksOfItsChannels(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	sdk, both, two := goSDK(t, b), new("user_count,subscription_count"), 2
	list, err := sdk.TriggerMultiWithParams([]string{"a", "presence-b"}, "e", "d", pusher.TriggerParams{Info: both})
	wantList := &pusher.TriggerChannelsList{Channels: map[string]pusher.TriggerChannelListItem{
		"a": {SubscriptionCount: &two}, "presence-b": {UserCount: &two},
	}}
	if diff := cmp.Diff(wantList, list); err != nil || diff != "" {
		t.Errorf("an event: %v %s", err, diff)
	}
	batch, err := sdk.TriggerBatch([]pusher.Event{
		{Channel: "a", Name: "e", Data: "d", Info: both}, {Channel: "a", Name: "e", Data: "d"},
	})
	wantBatch := &pusher.TriggerBatchChannelsList{Batch: []pusher.TriggerBatchChannelListItem{{SubscriptionCount: &two}, {}}}
	if diff := cmp.Diff(wantBatch, batch); err != nil || diff != "" {
		t.Errorf("a batch: %v %s", err, diff)
	}
	b.published = nil
	err = sdk.SendToUser("u1", "e", "d")
	if diff := cmp.Diff([]protocol.Event{{Name: "e", Channel: "#server-to-user-u1", Data: "d"}}, b.published); err != nil || diff != "" {
		t.Errorf("to a user: %v %s", err, diff)
	}
}
