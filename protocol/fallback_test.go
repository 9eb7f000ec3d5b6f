package protocol_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestFramesAreFoundWhereverTheyEnd(t *testing.T) {
	long, longer := strings.Repeat("é", 300), strings.Repeat("x", 70_000)
	var p []byte
	for _, text := range []string{"", "{}", long, longer} {
		p = append(p, protocol.Text([]byte(text))...)
	}
	p = append(p, protocol.Control(protocol.OpPing, nil)...)
	p = append(p, protocol.CloseFrame(4200, "bye")...)
	type frame struct {
		opcode  byte
		payload string
	}
	var got []frame
	for opcode, payload := range protocol.Frames(p) {
		got = append(got, frame{opcode, string(payload)})
	}
	want := []frame{
		{1, ""}, {1, "{}"}, {1, long}, {1, longer}, {protocol.OpPing, ""}, {protocol.OpClose, "\x10\x68bye"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(frame{})); diff != "" {
		t.Error(diff)
	}
}

func TestCloseOfASession(t *testing.T) {
	for frame, want := range map[string]string{
		string(protocol.CloseFrame(4001, `no "x"`)):     `c[4001,"no \"x\""]` + "\n",
		string(protocol.CloseFrame(1009, "")):           `c[1009,""]` + "\n",
		string(protocol.Control(protocol.OpClose, nil)): `c[1005,""]` + "\n",
	} {
		for _, payload := range protocol.Frames([]byte(frame)) {
			if got := string(protocol.FallbackClose(payload)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

func TestMessagesOfASession(t *testing.T) {
	for body, want := range map[string]struct {
		messages []string
		err      error
	}{
		`[]`:                           {},
		` [ ] `:                        {},
		`["a"]`:                        {messages: []string{"a"}},
		`[ "{\"a\":\"é\\n\"}" , "b" ]`: {messages: []string{`{"a":"é\n"}`, "b"}},
		`["\ud83d\ude00\ud83d"]`:       {messages: []string{"😀\uFFFD"}},
		``:                             {err: protocol.ErrNoPayload},
		" \r\n":                        {err: protocol.ErrNoPayload},
		`[`:                            {err: protocol.ErrBrokenJSON},
		`["a"`:                         {err: protocol.ErrBrokenJSON},
		`["a",]`:                       {err: protocol.ErrBrokenJSON},
		`"a"`:                          {err: protocol.ErrBrokenJSON},
		`{"a":"b"}`:                    {err: protocol.ErrBrokenJSON},
		`[{"event":"pusher:ping"}]`:    {err: protocol.ErrBrokenJSON},
		`["a",1]`:                      {err: protocol.ErrBrokenJSON},
		`[["a"]]`:                      {err: protocol.ErrBrokenJSON},
		`[null]`:                       {err: protocol.ErrBrokenJSON},
		`["a"]["b"]`:                   {err: protocol.ErrBrokenJSON},
		"[\"a\nb\"]":                   {err: protocol.ErrBrokenJSON},
	} {
		messages, err := protocol.ParseFallbackMessages([]byte(body))
		if !slices.Equal(messages, want.messages) || !errors.Is(err, want.err) {
			t.Errorf("%q: got %q, %v, want %q, %v", body, messages, err, want.messages, want.err)
		}
	}
}

func TestNamesOfSessions(t *testing.T) {
	for path, want := range map[string]bool{
		"0/aaaaaaaa": true, "999/0123456v": true, "7/9k2vd0ab": true,
		"1000/aaaaaaaa": false, "-1/aaaaaaaa": false, "+1/aaaaaaaa": false, "01/aaaaaaaa": false, "/aaaaaaaa": false,
		"1/aaaaaaa": false, "1/aaaaaaaaa": false, "1/aaaaaaaw": false, "1/AAAAAAAA": false, "1/aaaa\x00aaa": false, "1/ééaaaa": false,
	} {
		server, id, _ := strings.Cut(path, "/")
		if got := protocol.IsFallbackSession(server, id); got != want {
			t.Errorf("%q: got %v, want %v", path, got, want)
		}
	}
}

func FuzzParseFallbackMessages(f *testing.F) {
	f.Add([]byte(`["{\"event\":\"pusher:ping\"}"]`))
	f.Add([]byte(`["\ud83d","\u00e9"]`))
	f.Add([]byte(` [ "a" , "b" ]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := protocol.ParseFallbackMessages(body)
		var want []string
		var values []any
		valid := json.Unmarshal(body, &values) == nil && values != nil
		for _, value := range values {
			text, ok := value.(string)
			valid = valid && ok
			want = append(want, text)
		}
		switch {
		case valid != (err == nil):
			t.Errorf("%q: %v, valid is %v", body, err, valid)
		case err == nil && utf8Valid(body) && !slices.Equal(got, want):
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	})
}

func utf8Valid(p []byte) bool { return strings.ToValidUTF8(string(p), "") == string(p) }

func FuzzFallbackMessage(f *testing.F) {
	f.Add("plain")
	f.Add("a\"\\\x00\n\u2028é😀")
	f.Fuzz(func(t *testing.T, message string) {
		message = strings.ToValidUTF8(message, "")
		line := protocol.AppendFallbackMessage(nil, []byte(message))
		var back string
		if err := json.Unmarshal(line, &back); err != nil || back != message || strings.Contains(string(line), "\n") {
			t.Errorf("%q became %q: %v", message, line, err)
		}
		if got, want := protocol.UTF16Len(line), len(utf16.Encode([]rune(string(line)))); got != want {
			t.Errorf("%q: %d units, want %d", line, got, want)
		}
	})
}
