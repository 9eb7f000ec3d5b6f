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
