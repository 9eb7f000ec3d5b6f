package protocol_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestClientEventKeepsAStringAndCompactsTheRest(t *testing.T) {
	tests := []struct{ data, want string }{
		{`{ "name" : "a<b" , "n":1.50 }`, `{"name":"a<b","n":1.50}`},
		{`"{ \"name\" : \"ann\" }"`, `{ "name" : "ann" }`},
		{`"plain"`, "plain"},
		{`""`, ""},
		{`[1, null]`, "[1,null]"},
		{`7`, "7"},
		{`false`, "false"},
		{`null`, "null"},
		{`"null"`, "null"},
	}
	for _, test := range tests {
		m, err := protocol.ParseMessage([]byte(`{"event":"client-x","channel":"private-a","user_id":"u9","socket_id":"1.2","id":"x","data":` + test.data + `}`))
		if err != nil {
			t.Fatalf("%s: %v", test.data, err)
		}
		got, err := m.ClientEvent()
		if err != nil {
			t.Errorf("%s: %v", test.data, err)
		}
		want := protocol.Event{Name: "client-x", Channel: "private-a", Data: test.want}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.data, diff)
		}
	}
}

func TestAClientEventNeedsAChannelAndData(t *testing.T) {
	for _, in := range []string{
		`{"event":"client-x"}`,
		`{"event":"client-x","data":"d"}`,
		`{"event":"client-x","channel":null,"data":"d"}`,
		`{"event":"client-x","channel":"private-a"}`,
	} {
		m, err := protocol.ParseMessage([]byte(in))
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		if got, err := m.ClientEvent(); err == nil || err.Message != protocol.ErrInvalidClientEvent().Message {
			t.Errorf("%s: got %+v, %v", in, got, err)
		}
	}
}

func TestClientEventsAreKnownByTheirPrefix(t *testing.T) {
	for name, want := range map[string]bool{
		"client-typing": true, "client-": true, "client": false, "Client-x": false, "xclient-x": false, "": false, "pusher:client-x": false,
	} {
		if got := protocol.IsClientEvent(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

func FuzzClientEvent(f *testing.F) {
	for _, in := range []string{
		`{"event":"client-x","channel":"private-a","data":{"a": [1, null]}}`, `{"event":"client-x","channel":"a","data":null}`,
		`{"event":"client-x","channel":"a","data":"\ud800\u0000"}`, `{"event":"client-x","channel":"a"}`, `{"event":"client-x","data":1}`, ``,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, perr := protocol.ParseMessage(in)
		if perr != nil {
			return
		}
		got, perr := m.ClientEvent()
		if perr != nil {
			checkText(t, perr.Message)
			return
		}
		var message struct {
			Event, Channel string
			Data           json.RawMessage
		}
		if err := json.Unmarshal(in, &message); err != nil {
			t.Fatalf("%q is accepted but not a message: %v", in, err)
		}
		if got.Name != message.Event || got.Channel != message.Channel || !utf8.ValidString(got.Data) {
			t.Errorf("%q gives %+v", in, got)
		}
		var sent, delivered any
		if err := json.Unmarshal(message.Data, &sent); err != nil {
			return // a number that encoding/json has no room for
		}
		if _, isText := sent.(string); isText {
			delivered = got.Data
		} else if err := json.Unmarshal([]byte(got.Data), &delivered); err != nil {
			t.Errorf("%q: data %q: %v", in, got.Data, err)
		}
		if diff := cmp.Diff(sent, delivered); diff != "" {
			t.Errorf("%q: data differs (-sent +delivered):\n%s", in, diff)
		}
	})
}
