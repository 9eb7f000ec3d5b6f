package protocol_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestParseMessageTakesWhatClientsSend(t *testing.T) {
	tests := []struct {
		in   string
		want protocol.Message
	}{
		{`{"event":"pusher:ping","data":{}}`, protocol.Message{Event: "pusher:ping", Data: json.RawMessage(`{}`), HasData: true}},
		{`{"event": "pusher:ping"}`, protocol.Message{Event: "pusher:ping"}},
		{`{"event":"pusher:pong","data":null}`, protocol.Message{Event: "pusher:pong", HasData: true}},
		{" {\n\t\"event\" : \"e\" ,\r\n \"data\" : [ 1 , {\"}\":\"]\"} ] } ", protocol.Message{Event: "e", Data: json.RawMessage(`[ 1 , {"}":"]"} ]`), HasData: true}},
		{
			`{"event":"client-typing","data":{"name":"ann"},"channel":"private-room"}`,
			protocol.Message{Event: "client-typing", Channel: "private-room", HasChannel: true, Data: json.RawMessage(`{"name":"ann"}`), HasData: true},
		},
		{`{"event":"e","channel":""}`, protocol.Message{Event: "e", HasChannel: true}},
		{`{"event":"e","channel":null}`, protocol.Message{Event: "e"}},
		{`{"event":""}`, protocol.Message{}},
		{`{"\u0065vent":"\u00e9\n\ud83d\ude00"}`, protocol.Message{Event: "é\n😀"}},
		{`{"event":"\ud800"}`, protocol.Message{Event: "\uFFFD"}},
		{`{"event":"__proto__","x":1,"x":{"event":2},"":[]}`, protocol.Message{Event: "__proto__"}},
		{`{"x":-1.5e3,"y":true,"event":"e","data":-0}`, protocol.Message{Event: "e", Data: json.RawMessage(`-0`), HasData: true}},
		{`{"event":"e","data":"a\\\"b"}`, protocol.Message{Event: "e", Data: json.RawMessage(`"a\\\"b"`), HasData: true}},
		{`{"events":"x","event":"e"}`, protocol.Message{Event: "e"}},
	}
	for _, test := range tests {
		got, err := protocol.ParseMessage([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestParseMessageNamesWhatIsWrong(t *testing.T) {
	const invalid = "Received invalid JSON"
	tests := []struct{ in, want string }{
		{``, invalid},
		{`not json`, invalid},
		{`{"event":"e"`, invalid},
		{`{"event":"e"}{}`, invalid},
		{`{"event":"e",}`, invalid},
		{`{"event":"e"} // comment`, invalid},
		{"\ufeff" + `{"event":"e"}`, invalid},
		{"{\"event\":\"e\x00\"}", invalid},
		{"{\"event\":\"\xff\"}", invalid},
		{`{"event":"e","data":NaN}`, invalid},
		{`{"event":"e","data":01}`, invalid},
		{`[]`, invalid + ": must be an object"},
		{`"event"`, invalid + ": must be an object"},
		{`null`, invalid + ": must be an object"},
		{`{"data":{}}`, invalid + `: "event" is missing`},
		{`{"event":null}`, invalid + `: "event" is missing`},
		{`{"event":1}`, invalid + `: "event" must be a string`},
		{`{"event":["e"]}`, invalid + `: "event" must be a string`},
		{`{"event":{"event":"e"}}`, invalid + `: "event" must be a string`},
		{`{"event":"e","channel":7}`, invalid + `: "channel" must be a string`},
		{`{"event":"pusher:ping","event":"pusher:subscribe"}`, invalid + `: "event" comes twice`},
		{`{"event":null,"event":"e"}`, invalid + `: "event" comes twice`},
		{`{"event":"e","\u0065vent":"f"}`, invalid + `: "event" comes twice`},
		{`{"event":"e","data":1,"data":1}`, invalid + `: "data" comes twice`},
		{`{"Event":"e"}`, invalid + `: "Event" must be written "event"`},
		{`{"event":"e","DATA":{}}`, invalid + `: "DATA" must be written "data"`},
		{`{"event":"e","channel":"a","Channel":"b"}`, invalid + `: "Channel" must be written "channel"`},
	}
	for _, test := range tests {
		_, err := protocol.ParseMessage([]byte(test.in))
		if err == nil || err.Message != test.want || err.Code != 0 {
			t.Errorf("%s: got %+v, want %q with no code", test.in, err, test.want)
		}
	}
}

func TestParseMessageSurvivesDepthAndWidth(t *testing.T) {
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	if _, err := protocol.ParseMessage([]byte(`{"event":"e","data":` + deep + `}`)); err == nil {
		t.Error("100,000 nested arrays are accepted")
	}
	wide := strings.Repeat(`"x":1,`, 100_000)
	if _, err := protocol.ParseMessage([]byte(`{` + wide + `"event":"e"}`)); err != nil {
		t.Errorf("100,000 unknown members: %v", err)
	}
	number := strings.Repeat(`9`, 1<<20)
	if _, err := protocol.ParseMessage([]byte(`{"event":"e","data":` + number + `}`)); err != nil {
		t.Errorf("a number of 1 MiB: %v", err)
	}
}

// encoding/json is the judge: whatever is accepted must mean the same to it.
func FuzzParseMessage(f *testing.F) {
	for _, in := range []string{
		`{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
		`{"event": "pusher:ping"}`, `{"event":"e","channel":null,"data":"{\"channel\":\"a\"}"}`,
		`{"Event":"e"}`, `{"event":1}`, `[]`, `{"event":"a","event":"b"}`, "{\"event\":\"\\u00e9\\ud800\"}", ``,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, perr := protocol.ParseMessage(in)
		if perr != nil {
			checkText(t, perr.Message)
			return
		}
		if !utf8.ValidString(got.Event) || !utf8.ValidString(got.Channel) {
			t.Errorf("%q: event %q and channel %q are not both UTF-8", in, got.Event, got.Channel)
		}
		var want map[string]any
		if err := json.Unmarshal(in, &want); err != nil {
			t.Fatalf("%q is accepted but not an object: %v", in, err)
		}
		if want["event"] != got.Event || got.HasChannel && want["channel"] != got.Channel || !got.HasChannel && want["channel"] != nil {
			t.Errorf("%q: got %+v, want %v", in, got, want)
		}
		var data any
		if got.Data != nil {
			if err := json.Unmarshal(got.Data, &data); err != nil {
				t.Errorf("%q: data %q: %v", in, got.Data, err)
			}
		}
		if diff := cmp.Diff(want["data"], data); diff != "" {
			t.Errorf("%q: data differs (-want +got):\n%s", in, diff)
		}
		if _, err := got.Subscribe(); err != nil {
			checkText(t, err.Message)
		}
	})
}
