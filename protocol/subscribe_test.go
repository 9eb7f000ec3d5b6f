package protocol_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestSubscribeTakesWhatClientsSend(t *testing.T) {
	text := func(s string) *string { return &s }
	tests := []struct {
		data string
		want protocol.Subscribe
	}{
		{`{"channel":"news"}`, protocol.Subscribe{Channel: "news"}},
		{`{"auth":"","channel":"news"}`, protocol.Subscribe{Channel: "news"}},
		{`{"channel":"news","auth":null,"channel_data":null}`, protocol.Subscribe{Channel: "news"}},
		{`{"channel":"private-x","auth":"k:s"}`, protocol.Subscribe{Channel: "private-x", Auth: "k:s"}},
		{`{"channel":"private-x","auth":"k:s","channel_data":""}`, protocol.Subscribe{Channel: "private-x", Auth: "k:s", ChannelData: text("")}},
		{
			`{"auth":"k:s","channel_data":"{\"user_id\": \"\\u00e9\"}","channel":"presence-x"}`,
			protocol.Subscribe{Channel: "presence-x", Auth: "k:s", ChannelData: text(`{"user_id": "\u00e9"}`)},
		},
		{`"{\"channel\":\"news\"}"`, protocol.Subscribe{Channel: "news"}},
		{`{"channel":""}`, protocol.Subscribe{}},
		{`{"channel":"news","shared_secret":1}`, protocol.Subscribe{Channel: "news"}},
	}
	for _, test := range tests {
		got, err := protocol.Message{Data: json.RawMessage(test.data)}.Subscribe()
		if err != nil {
			t.Errorf("%s: %v", test.data, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.data, diff)
		}
	}
}

func TestSubscribeNamesWhatIsWrong(t *testing.T) {
	const invalid = "Received invalid JSON: data: "
	tests := []struct{ data, want string }{
		{``, invalid + "must be an object"},
		{`"not json"`, invalid + "must be an object"},
		{`"\"{\\\"channel\\\":\\\"news\\\"}\""`, invalid + "must be an object"},
		{`[]`, invalid + "must be an object"},
		{`7`, invalid + "must be an object"},
		{`{}`, invalid + `"channel" is missing`},
		{`{"channel":null}`, invalid + `"channel" is missing`},
		{`{"channel":7}`, invalid + `"channel" must be a string`},
		{`{"channel":["a"]}`, invalid + `"channel" must be a string`},
		{`{"channel":"a","channel":"b"}`, invalid + `"channel" comes twice`},
		{`{"channel":"a","Channel":"b"}`, invalid + `"Channel" must be written "channel"`},
		{`{"channel":"a","auth":7}`, invalid + `"auth" must be a string`},
		{`{"channel":"a","channel_data":{"user_id":1}}`, invalid + `"channel_data" must be a string`},
	}
	for _, test := range tests {
		_, err := protocol.Message{Data: json.RawMessage(test.data)}.Subscribe()
		if err == nil || err.Message != test.want || err.Code != 0 {
			t.Errorf("%s: got %+v, want %q with no code", test.data, err, test.want)
		}
	}
}

func TestUnsubscribe(t *testing.T) {
	channel, err := protocol.Message{Data: json.RawMessage(`{"channel":"private-x"}`)}.Unsubscribe()
	if err != nil || channel != "private-x" {
		t.Errorf("got %q, %v", channel, err)
	}
	for _, data := range []string{``, `{}`, `{"channel":1}`, `{"channel":"a","channel":"a"}`, `"x"`} {
		if _, err := (protocol.Message{Data: json.RawMessage(data)}).Unsubscribe(); err == nil {
			t.Errorf("%s is accepted", data)
		}
	}
}

func TestSubscribeSaysWhereToStart(t *testing.T) {
	since := protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: 17, Nonce: 4}}
	tests := []struct {
		members string
		want    *protocol.Start
	}{
		{`"auth":"k:s"`, nil},
		{`"since":null,"rewind":null`, nil},
		{`"since":"0:0-0"`, &protocol.Start{Kind: protocol.StartSince}},
		{`"since":"` + epoch + `:17-4"`, &protocol.Start{Kind: protocol.StartSince, Since: since}},
		{`"rewind":{"count":7},"since":"` + epoch + `:17-4"`, &protocol.Start{Kind: protocol.StartSince, Since: since}},
		{`"rewind":{"count":7}`, &protocol.Start{Kind: protocol.StartCount, N: 7}},
		{`"rewind":{"count":1000000000}`, &protocol.Start{Kind: protocol.StartCount, N: 1_000_000_000}},
		{`"rewind": { "bytes" : 65536 } `, &protocol.Start{Kind: protocol.StartBytes, N: 65536}},
		{`"rewind":{"from":"start"}`, &protocol.Start{Kind: protocol.StartFirst}},
		{`"rewind":{"from":"start","later":1}`, &protocol.Start{Kind: protocol.StartFirst}},
		{`"rewind":{"from":"rule"}`, nil},
	}
	for _, test := range tests {
		got, err := protocol.Message{Data: json.RawMessage(`{"channel":"a",` + test.members + `}`)}.Subscribe()
		if err != nil || got.StartError != nil {
			t.Errorf("%s: %v, %v", test.members, err, got.StartError)
		}
		if diff := cmp.Diff(test.want, got.Start); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.members, diff)
		}
	}
}

func TestAStartThatIsNoneDoesNotStopTheSubscription(t *testing.T) {
	const rewind = `rewind must be {"count":N}, {"bytes":N}, {"from":"start"} or {"from":"rule"}, with N a whole number of at least 1`
	tests := []struct{ members, want string }{
		{`"since":7`, `"since" must be a string`},
		{`"since":""`, `since: invalid position "": it must be one that the relay gave out`},
		{`"since":"` + epoch + `:17"`, `since: invalid position "` + epoch + `:17": it must be one that the relay gave out`},
		{`"since":{"epoch":"x"},"rewind":{"count":7}`, `"since" must be a string`},
		{`"rewind":7`, rewind},
		{`"rewind":[]`, rewind},
		{`"rewind":{}`, rewind},
		{`"rewind":"all"`, rewind},
		{`"rewind":{"count":0}`, rewind},
		{`"rewind":{"count":-1}`, rewind},
		{`"rewind":{"count":1.5}`, rewind},
		{`"rewind":{"count":"7"}`, rewind},
		{`"rewind":{"bytes":1e30}`, rewind},
		{`"rewind":{"count":99999999999999999999}`, rewind},
		{`"rewind":{"count":7,"bytes":7}`, rewind},
		{`"rewind":{"count":7,"from":"start"}`, rewind},
		{`"rewind":{"from":"end"}`, rewind},
		{`"rewind":{"from":"rule","count":1}`, rewind},
		{`"rewind":{"from":1}`, rewind},
		{`"rewind":{"Count":7}`, rewind},
		{`"rewind":{"count":7,"count":8}`, rewind},
	}
	for _, test := range tests {
		got, err := protocol.Message{Data: json.RawMessage(`{"channel":"a",` + test.members + `}`)}.Subscribe()
		if err != nil || got.Channel != "a" || got.Start != nil {
			t.Errorf("%s: %+v, %v", test.members, got, err)
		}
		if want := "Received invalid JSON: data: " + test.want; got.StartError == nil || got.StartError.Message != want {
			t.Errorf("%s: %v, want %s", test.members, got.StartError, want)
		}
	}
}
