package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestParseMemberTakesWhatBackendsSign(t *testing.T) {
	long, digits := strings.Repeat("😀", protocol.MaxUserID), strings.Repeat("9", protocol.MaxUserID)
	tests := []struct {
		in   string
		want protocol.Member
	}{
		{`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, protocol.Member{ID: "10", Info: `{"name":"Mr. Channels"}`}},
		{`{"user_id":"10"}`, protocol.Member{ID: "10"}},
		{`{"user_id":"u1","user_info":null}`, protocol.Member{ID: "u1"}},
		{`{"user_id":"u1","user_info":{}}`, protocol.Member{ID: "u1", Info: "{}"}},
		{" { \"user_info\" : { \"a b\" : [ 1.50 , \"\\u00e9 <&>\" ] } ,\n \"user_id\" : \"\\u00e9\" } ", protocol.Member{ID: "é", Info: `{"a b":[1.50,"\u00e9 <&>"]}`}},
		{`{"user_id":"__proto__","user_info":{"__proto__":{}}}`, protocol.Member{ID: "__proto__", Info: `{"__proto__":{}}`}},
		{`{"user_id":" a\nb\u0000"}`, protocol.Member{ID: " a\nb\x00"}},
		{`{"user_id":"\ud800"}`, protocol.Member{ID: "\uFFFD"}},
		{`{"user_id":"u1","id":"u2","watchlist":[7]}`, protocol.Member{ID: "u1"}},
		{`{"user_id":0}`, protocol.Member{ID: "0"}},
		{`{"user_id":-7}`, protocol.Member{ID: "-7"}},
		{`{"user_id":12345678901234567890123}`, protocol.Member{ID: "12345678901234567890123"}},
		{`{"user_id":` + digits + `}`, protocol.Member{ID: digits}},
		{`{"user_id":"` + long + `"}`, protocol.Member{ID: long}},
	}
	for _, test := range tests {
		got, err := protocol.ParseMember(test.in, protocol.DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestParseMemberNamesWhatIsWrong(t *testing.T) {
	const (
		bad     = "Invalid channel_data: "
		integer = bad + `"user_id" must be a string, or an integer of at most 128 characters without fraction and exponent`
		info    = "user_info supplied to presence subscription is invalid - if supplied it must be a type of hash"
	)
	tests := []struct{ in, want string }{
		{``, bad + "it is not JSON"},
		{`u1`, bad + "it is not JSON"},
		{`{"user_id":"u1"}{}`, bad + "it is not JSON"},
		{"{\"user_id\":\"\xff\"}", bad + "it is not JSON"},
		{`{"user_id":01}`, bad + "it is not JSON"},
		{`[]`, bad + "must be an object"},
		{`"u1"`, bad + "must be an object"},
		{`{}`, bad + `"user_id" is missing`},
		{`{"user_id":null}`, bad + `"user_id" is missing`},
		{`{"id":"u1"}`, bad + `"user_id" is missing`},
		{`{"user_id":""}`, bad + `"user_id" must have 1 to 128 characters`},
		{`{"user_id":"` + strings.Repeat("x", 129) + `"}`, bad + `"user_id" must have 1 to 128 characters`},
		{`{"user_id":` + strings.Repeat("9", 129) + `}`, integer},
		{`{"user_id":-` + strings.Repeat("9", 128) + `}`, integer},
		{`{"user_id":1e3}`, integer},
		{`{"user_id":1.5}`, integer},
		{`{"user_id":1.0}`, integer},
		{`{"user_id":-0}`, integer},
		{`{"user_id":true}`, integer},
		{`{"user_id":["u1"]}`, integer},
		{`{"user_id":{}}`, integer},
		{`{"user_id":"a","user_id":"b"}`, bad + `"user_id" comes twice`},
		{`{"user_id":"a","\u0075ser_id":"b"}`, bad + `"user_id" comes twice`},
		{`{"user_id":"a","User_Id":"b"}`, bad + `"User_Id" must be written "user_id"`},
		{`{"user_id":"a","user_info":{},"user_info":{}}`, bad + `"user_info" comes twice`},
		{`{"user_id":"a","user_info":"x"}`, info},
		{`{"user_id":"a","user_info":"{}"}`, info},
		{`{"user_id":"a","user_info":[]}`, info},
		{`{"user_id":"a","user_info":false}`, info},
		{`{"user_id":"a","user_info":0}`, info},
		{`{"user_id":"a"` + strings.Repeat(" ", 1024-14) + `}`, bad + "it has more than 1024 bytes"},
	}
	for _, test := range tests {
		got, err := protocol.ParseMember(test.in, protocol.DefaultLimits())
		if err == nil || err.Message != test.want || err.Code != 0 || got != (protocol.Member{}) {
			t.Errorf("%.80s: got %+v and %+v, want %q with no code", test.in, got, err, test.want)
		}
	}
}

func TestParseMemberObeysTheAppsLimit(t *testing.T) {
	in := `{"user_id":"a"` + strings.Repeat(" ", 1024-14) + `}`
	if got, err := protocol.ParseMember(in[:len(in)-2]+"}", protocol.DefaultLimits()); err != nil || got.ID != "a" {
		t.Errorf("%d bytes: %+v, %v", len(in)-1, got, err)
	}
	l := protocol.DefaultLimits()
	l.MemberSize = len(in)
	if got, err := protocol.ParseMember(in, l); err != nil || got.ID != "a" {
		t.Errorf("%d bytes: %+v, %v", len(in), got, err)
	}
}

// encoding/json is the judge, with numbers as they are written.
func FuzzParseMember(f *testing.F) {
	for _, in := range []string{
		`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, `{"user_id":"\u00e9\ud800","user_info":null}`,
		`{"user_id":1e3}`, `{"user_id":-0}`, `{"user_id":"a","user_info":[]}`, `{"User_id":"a"}`, `[]`, ``,
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, perr := protocol.ParseMember(in, protocol.DefaultLimits())
		if perr != nil {
			checkText(t, perr.Message)
			return
		}
		checkMember(t, got)
		var want map[string]any
		decoder := json.NewDecoder(strings.NewReader(in))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q is accepted but not an object: %v", in, err)
		}
		if id := fmt.Sprint(want["user_id"]); id != got.ID {
			t.Errorf("%q: id %q, want %q", in, got.ID, id)
		}
		checkSameInfo(t, want["user_info"], got.Info)
	})
}

// checkSameInfo compares info with what was signed, decoded with numbers as written.
func checkSameInfo(t *testing.T, signed any, info string) {
	t.Helper()
	var got any
	if info != "" {
		decoder := json.NewDecoder(strings.NewReader(info))
		decoder.UseNumber()
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("info %q: %v", info, err)
		}
	}
	if diff := cmp.Diff(signed, got); diff != "" {
		t.Errorf("info differs (-signed +got):\n%s", diff)
	}
}
