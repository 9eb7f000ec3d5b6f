package protocol_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"buildrelay/protocol"
)

func TestParsePublishedTakesOneOrMany(t *testing.T) {
	event := func(name, data string) protocol.Event {
		return protocol.Event{Name: name, Channel: "a", Data: data}
	}
	tests := []struct {
		in   string
		want []protocol.Event
	}{
		{`{"event":"e","data":"{\"x\": 1}"}`, []protocol.Event{event("e", `{"x": 1}`)}},
		{`{"event":"e","data":{ "x" : [1.50, "<&>\u00e9é"] }}`, []protocol.Event{event("e", `{"x":[1.50,"<&>\u00e9é"]}`)}},
		{`{"event":"e","data":"plain"}`, []protocol.Event{event("e", "plain")}},
		{`{"event":"e","data":""}`, []protocol.Event{event("e", "")}},
		{`{"event":"e","data":1e999}`, []protocol.Event{event("e", "1e999")}},
		{`{"event":"e","data":false}`, []protocol.Event{event("e", "false")}},
		{`{"event":"e","data":null}`, []protocol.Event{event("e", "null")}},
		{`{"event":"e"}`, []protocol.Event{event("e", "null")}},
		{`{"event":"e","data":"d","channel":"b","seq":5}`, []protocol.Event{event("e", "d")}},
		{"\n{\"event\":\"e\",\"data\":\"\xff\"}\n", []protocol.Event{event("e", "\uFFFD")}},
		{
			`{"event":"client-x","data":"d","socket_id":"1.2","user_id":"u1"}`,
			[]protocol.Event{{Name: "client-x", Channel: "a", Data: "d", Exclude: "1.2", UserID: "u1"}},
		},
		{`{"event":"e","data":"d","id":"x"}`, []protocol.Event{event("e", "d")}},
		{`{"id":{},"event":"e","data":"d"}`, []protocol.Event{event("e", "d")}},
		{`{"event":"e","data":"d","socket_id":null,"user_id":null,"id":null}`, []protocol.Event{event("e", "d")}},
		{` [ {"event":"e","data":"1"} , {"event":"f","data":"2"} ] `, []protocol.Event{event("e", "1"), event("f", "2")}},
		{`[]`, nil},
		{
			`{"event":"e","data":"` + strings.Repeat("x", protocol.MaxRedisData) + `"}`,
			[]protocol.Event{event("e", strings.Repeat("x", protocol.MaxRedisData))},
		},
	}
	for _, test := range tests {
		got, err := protocol.ParsePublished([]byte(test.in), "a", protocol.DefaultLimits())
		if err != nil {
			t.Errorf("%.80s: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%.80s (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestParsePublishedNamesWhatIsWrong(t *testing.T) {
	tests := []struct{ in, want string }{
		{``, "not JSON"},
		{`hello`, "not JSON"},
		{`{"event":"e"} {"event":"e"}`, "not JSON"},
		{strings.Repeat(`[`, 100_000), "not JSON"},
		{`"e"`, "must be an object"},
		{`null`, "must be an object"},
		{`{}`, `"event" is missing`},
		{`{"data":"d"}`, `"event" is missing`},
		{`{"event":7}`, `"event" must be a string`},
		{`{"event":"e","socket_id":12.5}`, `"socket_id" must be a string`},
		{`{"event":"e","socket_id":"abc"}`, "invalid socket_id 'abc'"},
		{`{"event":"e","user_id":7}`, `"user_id" must be a string`},
		{`{"event":"e","event":"f"}`, `"event" comes twice`},
		{`{"event":"e","Data":"d"}`, `"Data" must be written "data"`},
		{`{"event":""}`, "Invalid event name '': it is empty"},
		{`{"event":"pusher:x"}`, "Invalid event name 'pusher:x': its prefix is reserved"},
		{`{"event":"` + strings.Repeat("x", 201) + `"}`, "it is too long"},
		{`{"event":"e","data":"` + strings.Repeat("x", protocol.MaxRedisData+1) + `"}`, "exceeds the allowed maximum (131072 bytes)"},
	}
	for _, test := range tests {
		got, err := protocol.ParsePublished([]byte(test.in), "a", protocol.DefaultLimits())
		if err == nil || !strings.HasPrefix(err.Error(), "parsing published message: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80s: got error %v, want one about %s", test.in, err, test.want)
		}
		if len(got) != 0 {
			t.Errorf("%.80s: got events %v", test.in, got)
		}
	}
}

func TestParsePublishedRaisesTheDataLimitWithTheApps(t *testing.T) {
	l := protocol.DefaultLimits()
	l.Data = 2 * protocol.MaxRedisData
	in := `{"event":"e","data":"` + strings.Repeat("x", l.Data) + `"}`
	if _, err := protocol.ParsePublished([]byte(in), "a", l); err != nil {
		t.Error(err)
	}
}

func TestParsePublishedDeliversTheGoodOnesOfAnArray(t *testing.T) {
	in := `[{"event":"a"},7,{"event":"b"},{"event":"pusher:x"},{"data":1},[],{"event":"c"}]`
	got, err := protocol.ParsePublished([]byte(in), "ch", protocol.DefaultLimits())
	var names []string
	for _, e := range got {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	want := "parsing event 1 of published array: must be an object\n" +
		"parsing event 3 of published array: Invalid event name 'pusher:x': its prefix is reserved\n" +
		"parsing event 4 of published array: \"event\" is missing\n" +
		"and 1 more of 7 events"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestEncodePublishedIsAnObjectForOneAndAnArrayForMore(t *testing.T) {
	one := protocol.Event{Name: "e", Channel: "a", Data: `{"x":"<\n>"}`}
	two := protocol.Event{Name: "f", Channel: "a", Exclude: "1.2", UserID: "u1"}
	tests := []struct {
		events []protocol.Event
		want   string
	}{
		{nil, `[]`},
		{[]protocol.Event{one}, `{"event":"e","data":"{\"x\":\"<\\n>\"}"}`},
		{[]protocol.Event{one, two}, `[{"event":"e","data":"{\"x\":\"<\\n>\"}"},{"event":"f","data":"","socket_id":"1.2","user_id":"u1"}]`},
	}
	for _, test := range tests {
		if got := string(protocol.EncodePublished(test.events)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func FuzzParsePublished(f *testing.F) {
	for _, in := range []string{
		`{"event":"e","data":"d","socket_id":"1.2","id":"x"}`, `[{"event":"e","data":{"a":[1,null]}},{"event":"f"}]`,
		`[{"event":"e"},7]`, `{"event":"pusher:x"}`, `{"Event":"e"}`, "{\"event\":\"\xff\"}", `[`, ``,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		l := protocol.DefaultLimits()
		got, err := protocol.ParsePublished(in, "a", l)
		if err != nil {
			checkText(t, err.Error())
		}
		l.Data = protocol.MaxRedisData
		for _, e := range got {
			if err := e.Check(l); err != nil {
				t.Errorf("%q gives %+v: %v", in, e, err)
			}
		}
		again, err := protocol.ParsePublished(protocol.EncodePublished(got), "a", l)
		if err != nil {
			t.Errorf("%q, encoded again: %v", in, err)
		}
		if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q differs after encoding (-first +second):\n%s", in, diff)
		}
	})
}

func BenchmarkParsePublished(b *testing.B) {
	for name, data := range benchmarkData() {
		in := protocol.EncodePublished([]protocol.Event{{Name: "build:output", Data: data}})
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := protocol.ParsePublished(in, "private-build-7", protocol.DefaultLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
