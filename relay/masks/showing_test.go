package masks

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// shown are events, the ones before them, and what is shown of them. The values are secret,
// a number, and one with quotes.
var shown = []struct{ name, before, data, want string }{
	{"plain text", "", "say hunter2xyz!", "say ***!"},
	{"nothing in it", "", `{"seq": 1,"text":"hunter2"}`, `{"seq": 1,"text":"hunter2"}`},
	{"in the output", "", ` {"seq": 1, "text" :"a hunter2xyz\n","x":[1.0]}`, ` {"seq": 1, "text" :"a ***\n","x":[1.0]}`},
	{"escaped", "", `{"text":"\u0068unt\u0065r2xyz\/\u00e9"}`, `{"text":"***/é"}`},
	{"in quotes", "", `{"text":"it's \"quoted\\1\", ok"}`, `{"text":"it's ***, ok"}`},
	{"coloured", "", `{"text":"hunt\u001b[31mer2xyz\u001b[0m"}`, `{"text":"***\u001b[0m"}`},
	{"another member", "", `{"a":{"b":["x","hunter2xyz"]}}`, `{"a":{"b":["x","***"]}}`},
	{"a name", "", `{"hunter2xyz":1,"is-hunter2xyz":{}}`, `{"***":1,"is-***":{}}`},
	{"a number", "", `{"pin":31415926,"pins":[31415926.5]}`, `{"pin":"***","pins":["***"]}`},
	{"a list", "", `["hunter2xyz","hunter2","xyz"]`, `["***","hunter2","xyz"]`},
	{"a string", "", `"hunter2xyz\n"`, `"***\n"`},
	{"nothing but a number", "", " 31415926\n", `" ***\n"`},
	{"nearly JSON", "", `{"text":"hunter2xyz"`, `{"text":"***"`},
	{"a list of lines", "", `{"text":["a","hunter2","xyz","hunter2xyz"]}`, `{"text":["a","***","***","***"]}`},
	{"base64", "", `{"base64":"` + base64Of("\xffhunter2xyz\n") + `"}`, `{"base64":"` + base64Of("\xff***\n") + `"}`},
	{"no base64", "", `{"base64":"x hunter2xyz"}`, `{"base64":"x ***"}`},
	{"JSON in JSON", "", `{"x":"{\"y\":\"it's \\\"quoted\\\\1\\\"\"}"}`, `{"x":"{\"y\":\"it's ***\"}"}`},
	{"empty", "", "", ""},

	{"the rest of one", `{"text":"say hunter"}`, `{"text":"2xyz!"}`, `{"text":"***!"}`},
	{"the rest of a plain one", "say hunter", "2xyz!", "***!"},
	{"the rest of one in base64", `{"base64":"` + base64Of("\xffhunt") + `"}`, `{"text":"er2xyz"}`, `{"text":"***"}`},
	{"the rest in base64", `{"text":"hunt"}`, `{"base64":"` + base64Of("er2xyz\xff") + `"}`, `{"base64":"` + base64Of("***\xff") + `"}`},
	{"not the rest: another member", `{"text":"hunter"}`, `{"other":"2xyz!"}`, `{"other":"2xyz!"}`},
	{"not the rest: behind another member", `{"other":"hunter"}`, `{"text":"2xyz!"}`, `{"text":"2xyz!"}`},
	{"not the rest: no output before", `["hunter"]`, "2xyz!", "2xyz!"},
	{"nothing but a number, the rest", "pin 3141", "5926", `"***"`},
	{"both", `{"text":"hunter"}`, `{"text":"2xyz hunter2xyz","x":"hunter2xyz"}`, `{"text":"*** ***","x":"***"}`},
	{"its first part was masked", `{"text":"***"}`, `{"text":"2xyz!"}`, `{"text":"2xyz!"}`},
}

func TestEventsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret, "31415926", `"quoted\1"`)
	for _, tt := range shown {
		if got := r.show(tt.before, tt.data); got != tt.want {
			t.Errorf("%s: %s became %s, want %s", tt.name, tt.data, got, tt.want)
		}
	}
}

func TestTheOutputIsTheMemberThatTheRuleNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.rules = protocol.MaskRules{{Pattern: "private-build-*", Field: "log"}}
	if got := r.show(`{"log":"hunter"}`, `{"log":"2xyz","text":"2xyz"}`); got != `{"log":"***","text":"2xyz"}` {
		t.Errorf("shown is %s", got)
	}
}

func TestTokensAreFoundByTheirFormWhereARuleSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const data = `{"text":"key AKIAIOSFODNN7EXAMPLE"}`
	if got := r.show("", data); got != data || r.Applies(app, channel) {
		t.Errorf("without a rule %s is shown", got)
	}
	r.rules = protocol.MaskRules{{Pattern: "private-*", Field: "text", Shapes: true}}
	if got := r.show("", data); got != `{"text":"key AKIA***"}` || !r.Applies(app, channel) {
		t.Errorf("with a rule %s is shown", got)
	}
	r.register("", 1, secret)
	r.register(channel, 2, "a-value-of-the-channel")
	if got := r.show("", "AKIAIOSFODNN7EXAMPLE hunter2xyz a-value-of-the-channel"); got != "AKIA*** *** ***" {
		t.Errorf("with values %s is shown", got)
	}
}

func TestValuesOfAnAppAndOfAChannelMayOverlap(t *testing.T) {
	t.Parallel()
	r := newRig(t, "xyz-and-more")
	r.register("", 1, secret)
	if got := r.show("", "say hunter2xyz-and-more!"); got != "say ***!" {
		t.Errorf("shown is %q", got)
	}
}

func TestTheDigestIsNotOverWhatIsMasked(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	for data, want := range map[string]bool{"hunter2xyz": true, "hunter2": false} {
		e := protocol.Event{Channel: channel, Data: data, Link: &protocol.Link{}}
		r.Showing(app, &e, "", History)
		if e.Link.Sealed != want {
			t.Errorf("%q: the log is said to have something else: %v", data, e.Link.Sealed)
		}
	}
}

func TestFurtherMembersAreMaskedAndOthersKeepTheirs(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	extra := []protocol.Field{{Name: "a", Value: json.RawMessage(`1`)}, {Name: "b", Value: json.RawMessage(`{"x":"hunter2xyz"}`)}, {Name: "c", Value: json.RawMessage(`"hunter2xyz"`)}}
	e := protocol.Event{Channel: channel, Data: "{}", Extra: extra}
	r.Showing(app, &e, "hunter2", Delivery)
	want := []protocol.Field{extra[0], {Name: "b", Value: json.RawMessage(`{"x":"***"}`)}, {Name: "c", Value: json.RawMessage(`"***"`)}}
	if diff := cmp.Diff(want, e.Extra); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if string(extra[2].Value) != `"hunter2xyz"` {
		t.Error("somebody else's members have changed")
	}
}

func TestSomeEventsAreNeverTouched(t *testing.T) {
	t.Parallel()
	const encrypted = "private-encrypted-build-1"
	r := newRig(t, secret)
	r.register("", 1, secret)
	r.rules = protocol.MaskRules{{Pattern: "*", Field: "text", Shapes: true}}
	if r.Applies(app, encrypted) || r.Applies(app, "private-encrypted-cache-1") {
		t.Error("masks apply to what clients decrypt")
	}
	for _, e := range []protocol.Event{
		{Name: "e", Channel: encrypted, Data: secret},
		{Name: "client-e", Channel: channel, Data: secret},
		{Channel: channel, Change: &protocol.Change{}},
		{Channel: channel, Link: &protocol.Link{Unreadable: true}},
	} {
		events := []protocol.Event{e}
		r.Publishing(app, events)
		r.Showing(app, &events[0], secret, Delivery)
		if diff := cmp.Diff(e, events[0]); diff != "" {
			t.Errorf("changed (-want +got):\n%s", diff)
		}
	}
	if other := r.show("", secret); other != "***" {
		t.Errorf("shown is %s", other)
	}
}
