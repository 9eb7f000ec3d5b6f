package protocol_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestParseChangeReadsWhatTheScriptWrites(t *testing.T) {
	at := protocol.Version{Epoch: "e1", N: 1764000000000002}
	const head = `{"e":"e1","p":"1764000000000001","v":"1764000000000002",`
	change := func(c protocol.Change) protocol.Change {
		c.At, c.Prev = at, 1764000000000001
		return c
	}
	long := strings.Repeat("ü", protocol.MaxUserID)
	tests := []struct {
		in   string
		want protocol.Change
	}{
		{head + `"join":"u1","info":"{\"name\":\"<Ann>\"}"}`, change(protocol.Change{Joined: &protocol.Member{ID: "u1", Info: `{"name":"<Ann>"}`}, Count: -1})},
		{head + `"join":"__proto__","info":""}`, change(protocol.Change{Joined: &protocol.Member{ID: "__proto__"}, Count: -1})},
		{head + `"join":"` + long + `","info":"{}"}`, change(protocol.Change{Joined: &protocol.Member{ID: long, Info: "{}"}, Count: -1})},
		{head + `"leave":"a\nb"}`, change(protocol.Change{Left: "a\nb", Count: -1})},
		{head + `"count":"12"}`, change(protocol.Change{Count: 12})},
		{head + `"count":"0"}`, change(protocol.Change{})},
		{head + `"end":"1"}`, change(protocol.Change{Ended: true, Count: -1})},
	}
	for _, test := range tests {
		got, err := protocol.ParseChange([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
		if encoded := string(protocol.EncodeChange(got)); encoded != test.in {
			t.Errorf("got %s, want %s", encoded, test.in)
		}
	}
}

// Redis' encoder escapes what it likes, and a later version may say more.
func TestParseChangeTakesTheSameInOtherWords(t *testing.T) {
	want := protocol.Change{At: protocol.Version{Epoch: "e1", N: 1}, Joined: &protocol.Member{ID: "a/é"}, Count: -1}
	for _, in := range []string{
		`{"join":"a\/\u00e9","v":"1","p":"0","e":"e1"}`,
		` {"e":"e1", "p":"0", "v":"1", "join":"a/é", "info":null, "leave":null, "later":7} `,
	} {
		got, err := protocol.ParseChange([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseChangeRefusesWhatTheScriptWouldNotWrite(t *testing.T) {
	const head = `{"e":"e1","p":"1","v":"2",`
	long := strings.Repeat("x", protocol.MaxUserID+1)
	tests := []struct{ in, want string }{
		{``, "not JSON"},
		{`[]`, "must be an object"},
		{`null`, "must be an object"},
		{head + "\"leave\":\"\xff\"}", "UTF-8"},
		{head[:len(head)-1] + `}`, "one of join, leave"},
		{head + `"info":"{}","leave":"u1"}`, "info goes with join"},
		{head + `"join":"u1","leave":"u1"}`, "one of join, leave"},
		{head + `"count":"1","end":"1"}`, "one of join, leave"},
		{head + `"join":"u1","join":"u2"}`, `"join" comes twice`},
		{head + `"Join":"u1"}`, `"Join" must be written "join"`},
		{head + `"join":7}`, `"join" must be a string`},
		{head + `"join":""}`, `"join" must have 1 to 128 characters`},
		{head + `"join":"` + long + `"}`, `"join" must have 1 to 128 characters`},
		{head + `"leave":"` + long + `"}`, `"leave" must have 1 to 128 characters`},
		{head + `"leave":""}`, `"leave" must have 1 to 128 characters`},
		{head + `"join":"u1","info":{}}`, `"info" must be a string`},
		{head + `"join":"u1","info":"[]"}`, "info must be the text of an object"},
		{head + `"join":"u1","info":"null"}`, "info must be the text of an object"},
		{head + `"join":"u1","info":" "}`, "info must be the text of an object"},
		{head + `"join":"u1","info":"{}{}"}`, "info must be the text of an object"},
		{head + `"join":"u1","info":"{\"a\":\"` + strings.Repeat("x", protocol.MaxRedisData) + `\"}"}`, "info is too long"},
		{head + `"count":12}`, `"count" must be a string`},
		{head + `"count":"-1"}`, `"count" must be the text of a number`},
		{head + `"count":"01"}`, `"count" must be the text of a number`},
		{head + `"count":"+1"}`, `"count" must be the text of a number`},
		{head + `"count":"1.0"}`, `"count" must be the text of a number`},
		{head + `"count":"9223372036854775808"}`, `"count" must be the text of a number`},
		{head + `"end":"0"}`, `"end" must be "1"`},
		{`{"p":"1","v":"2","end":"1"}`, `"e" is missing`},
		{`{"e":"","p":"1","v":"2","end":"1"}`, "the epoch is invalid"},
		{`{"e":"` + strings.Repeat("x", 65) + `","p":"1","v":"2","end":"1"}`, "the epoch is invalid"},
		{`{"e":"e1","v":"2","end":"1"}`, `"p" is missing`},
		{`{"e":"e1","p":"1","end":"1"}`, `"v" is missing`},
		{`{"e":"e1","p":"1","v":"x","end":"1"}`, `"v" must be the text of a number`},
		{`{"e":"e1","p":"2","v":"2","end":"1"}`, "the version does not grow"},
		{`{"e":"e1","p":"0","v":"0","end":"1"}`, "the version does not grow"},
	}
	for _, test := range tests {
		got, err := protocol.ParseChange([]byte(test.in))
		if err == nil || !strings.HasPrefix(err.Error(), "parsing change of a roll: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80s: got error %v, want one about %s", test.in, err, test.want)
		}
		if diff := cmp.Diff(protocol.Change{}, got); diff != "" {
			t.Errorf("%.80s: got a change beside the error:\n%s", test.in, diff)
		}
	}
}

func FuzzParseChange(f *testing.F) {
	for _, in := range []string{
		`{"e":"e1","p":"0","v":"1","join":"u1","info":"{\"a\":1}"}`, `{"e":"e1","p":"1","v":"2","leave":"u1"}`,
		`{"e":"e1","p":"2","v":"3","count":"7"}`, `{"e":"e1","p":"2","v":"3","end":"1"}`, `{"e":"e1","p":"9","v":"3","end":"1"}`,
		`{"e":"e1","p":"0","v":"1","join":"\ud800","info":" {}"}`, `[`, ``,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := protocol.ParseChange(in)
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if got.At.N <= got.Prev || got.Prev < 0 || got.Count < -1 {
			t.Errorf("%q gives %+v", in, got)
		}
		if got.Joined != nil {
			checkMember(t, *got.Joined)
		}
		again, err := protocol.ParseChange(protocol.EncodeChange(got))
		if err != nil {
			t.Errorf("%q, encoded again: %v", in, err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%q differs after encoding (-first +second):\n%s", in, diff)
		}
	})
}

// checkMember checks what every parser promises of a member.
func checkMember(t *testing.T, m protocol.Member) {
	t.Helper()
	if n := utf8.RuneCountInString(m.ID); n == 0 || n > protocol.MaxUserID || !utf8.ValidString(m.ID) || !utf8.ValidString(m.Info) {
		t.Errorf("member %+v", m)
	}
	var info map[string]any
	if m.Info != "" && (json.Unmarshal([]byte(m.Info), &info) != nil || info == nil) {
		t.Errorf("info %q is no object", m.Info)
	}
}
