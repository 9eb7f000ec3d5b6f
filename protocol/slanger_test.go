package protocol_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestParseSlangerTakesWhatSlangerPublishes(t *testing.T) {
	tests := []struct {
		in   string
		want protocol.Event
	}{
		{
			`{"event":"appendAction","data":"{\"step\":0}","channel":"private-a@b@1","socket_id":"7.123456"}`,
			protocol.Event{Name: "appendAction", Data: `{"step":0}`, Channel: "private-a@b@1", Exclude: "7.123456"},
		},
		{
			`{"event":"client-x","data":{"a": 1},"channel":"private-a","socket_id":"7.123456"}`,
			protocol.Event{Name: "client-x", Data: `{"a":1}`, Channel: "private-a", Exclude: "7.123456"},
		},
		{`{"event":"e","channel":"a"}`, protocol.Event{Name: "e", Data: "null", Channel: "a"}},
		{
			`{"seq":5,"event":"e","data":"d","tags":{"b": "<"},"channel":"a","relay":"x:1-2"}`,
			protocol.Event{Name: "e", Data: "d", Channel: "a", Extra: []protocol.Field{
				{Name: "seq", Value: json.RawMessage(`5`)}, {Name: "tags", Value: json.RawMessage(`{"b": "<"}`)},
			}},
		},
	}
	for _, test := range tests {
		got, err := protocol.ParseSlanger([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestParseSlangerNamesWhatIsWrong(t *testing.T) {
	tests := []struct{ in, want string }{
		{``, "not JSON"},
		{`[{"event":"e","channel":"a"}]`, "must be an object"},
		{`{"channel":"a"}`, `"event" is missing`},
		{`{"event":"e"}`, `"channel" is missing`},
		{`{"event":"e","channel":7}`, `"channel" must be a string`},
		{`{"event":"e","channel":"bad name"}`, "Invalid channel name 'bad name'"},
		{`{"event":"e","channel":"a","Channel":"b"}`, `"Channel" must be written "channel"`},
		{`{"event":"pusher_internal:member_added","channel":"a"}`, "its prefix is reserved"},
		{`{"event":"e","channel":"a","socket_id":"x"}`, "invalid socket_id 'x'"},
		{
			`{"event":"e","channel":"a","data":"` + strings.Repeat("x", 100_000) + `","more":"` + strings.Repeat("x", 100_000) + `"}`,
			"exceeds the allowed maximum (131072 bytes)",
		},
	}
	for _, test := range tests {
		got, err := protocol.ParseSlanger([]byte(test.in))
		if err == nil || !strings.HasPrefix(err.Error(), "parsing Slanger message: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80s: got error %v, want one about %s", test.in, err, test.want)
		}
		if diff := cmp.Diff(protocol.Event{}, got); diff != "" {
			t.Errorf("%.80s: got an event (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestEncodeSlangerWritesItsKeysInOrder(t *testing.T) {
	e := protocol.Event{Name: "e", Channel: "private-a", Data: `{"a":1}`, Exclude: "1.2"}
	if got, want := string(protocol.EncodeSlanger(e)), `{"event":"e","data":"{\"a\":1}","channel":"private-a","socket_id":"1.2"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e.Exclude, e.UserID = "", "u1"
	if got, want := string(protocol.EncodeSlanger(e)), `{"event":"e","data":"{\"a\":1}","channel":"private-a","user_id":"u1"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e.UserID = ""
	if got, want := string(protocol.EncodeSlanger(e)), `{"event":"e","data":"{\"a\":1}","channel":"private-a"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParseSlanger(f *testing.F) {
	for _, in := range []string{
		`{"event":"e","data":"d","channel":"a","socket_id":"1.2"}`, `{"a":[1,"]"],"event":"e","channel":"a","\u0062":{}}`,
		`{"event":"e","channel":"a","relay":1}`, `{"event":"e"}`, "{\"event\":\"e\",\"channel\":\"a\",\"x\":\"\xff\"}", ``,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := protocol.ParseSlanger(in)
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if err := protocol.CheckChannel(got.Channel, len(got.Channel)); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		checkMembers(t, got)
		again, err := protocol.ParseSlanger(protocol.EncodeSlanger(got))
		if err != nil {
			t.Errorf("%q, encoded again: %v", in, err)
		}
		got.Extra = nil
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%q differs after encoding (-first +second):\n%s", in, diff)
		}
	})
}

// checkMembers fails unless the frame of e decodes to e's members. Of members
// that share a name, encoding/json keeps the last.
func checkMembers(t *testing.T, e protocol.Event) {
	t.Helper()
	payload := protocol.EncodeEvent(e).Payload()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatalf("decoding %q: %v", payload, err)
	}
	last := map[string]string{}
	for _, m := range e.Extra {
		last[m.Name] = string(m.Value)
	}
	for name, value := range last {
		if string(got[name]) != value {
			t.Errorf("member %q of %q is %s, want %s", name, payload, got[name], value)
		}
	}
	var data string
	if err := json.Unmarshal(got["data"], &data); err != nil || data != e.Data {
		t.Errorf("data of %q is %q (%v), want %q", payload, data, err, e.Data)
	}
}
