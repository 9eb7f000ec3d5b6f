package protocol_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestParseUserTakesWhatBackendsSign(t *testing.T) {
	user := func(id, info string, watchlist ...string) protocol.SignedUser {
		return protocol.SignedUser{Member: protocol.Member{ID: id, Info: info}, Watchlist: watchlist}
	}
	tests := []struct {
		in   string
		want protocol.SignedUser
	}{
		{`{"id":"12345"}`, user("12345", "")},
		{`{"id":"u1","user_info":{"name": "Ann"},"watchlist":["u2"]}`, user("u1", `{"name":"Ann"}`, "u2")},
		{`{"id":"u1","user_info":null,"watchlist":null}`, user("u1", "")},
		{`{"id":"u1","watchlist":[]}`, user("u1", "")},
		{`{"id":"__proto__","watchlist":[ "c" , "a","c","\u0061","b" ]}`, user("__proto__", "", "c", "a", "b")},
		{`{"user_id":7,"id":"a b+c@x/é","name":[]}`, user("a b+c@x/é", "")},
		{`{"id":"u1"` + strings.Repeat(" ", protocol.MaxData-11) + `}`, user("u1", "")},
	}
	for _, test := range tests {
		got, err := protocol.ParseUser(test.in, protocol.DefaultLimits())
		if err != nil {
			t.Errorf("%.80s: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%.80s (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestParseUserNamesWhatIsWrong(t *testing.T) {
	const bad = "Invalid user_data: "
	tests := []struct{ in, want string }{
		{``, bad + "it is not JSON"},
		{"{\"id\":\"\xff\"}", bad + "it is not JSON"},
		{`[]`, bad + "must be an object"},
		{`{}`, bad + `"id" is missing`},
		{`{"user_id":"u1"}`, bad + `"id" is missing`},
		{`{"id":null}`, bad + `"id" is missing`},
		{`{"id":12345}`, bad + `"id" must be a string`},
		{`{"id":["u1"]}`, bad + `"id" must be a string`},
		{`{"id":""}`, bad + `"id" must have 1 to 128 characters`},
		{`{"id":"` + strings.Repeat("é", 129) + `"}`, bad + `"id" must have 1 to 128 characters`},
		{`{"id":"a","id":"b"}`, bad + `"id" comes twice`},
		{`{"id":"a","ID":"b"}`, bad + `"ID" must be written "id"`},
		{`{"id":"a","user_info":"x"}`, bad + `"user_info" must be an object`},
		{`{"id":"a","user_info":[]}`, bad + `"user_info" must be an object`},
		{`{"id":"a","watchlist":"u2"}`, bad + `"watchlist" must be an array`},
		{`{"id":"a","watchlist":{"0":"u2"}}`, bad + `"watchlist" must be an array`},
		{`{"id":"a","watchlist":["u2",7]}`, bad + `element 1 of the watchlist must be a string of 1 to 128 characters`},
		{`{"id":"a","watchlist":[null]}`, bad + `element 0 of the watchlist must be a string of 1 to 128 characters`},
		{`{"id":"a","watchlist":[""]}`, bad + `element 0 of the watchlist must be a string of 1 to 128 characters`},
		{`{"id":"a","watchlist":["` + strings.Repeat("x", 129) + `"]}`, bad + `element 0 of the watchlist must be a string of 1 to 128 characters`},
		{`{"id":"u1"` + strings.Repeat(" ", protocol.MaxData-10) + `}`, bad + "it has more than 10240 bytes"},
	}
	for _, test := range tests {
		got, err := protocol.ParseUser(test.in, protocol.DefaultLimits())
		if err == nil || err.Message != test.want || err.Code != 0 || !cmp.Equal(got, protocol.SignedUser{}) {
			t.Errorf("%.80s: got %+v and %+v, want %q with no code", test.in, got, err, test.want)
		}
	}
}

func TestALongWatchlistIsCut(t *testing.T) {
	userData := func(n int) string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprint("u", i)
		}
		list, err := json.Marshal(append(ids, ids...)) // each twice, which does not count
		if err != nil {
			t.Fatal(err)
		}
		return `{"id":"a","watchlist":` + string(list) + `}`
	}
	for n, cut := range map[int]bool{99: false, 100: false, 101: true, 300: true} {
		u, err := protocol.ParseUser(userData(n), protocol.DefaultLimits())
		if want := min(n, 100); err != nil || u.Cut != cut || len(u.Watchlist) != want || u.Watchlist[want-1] != fmt.Sprint("u", want-1) {
			t.Errorf("%d users: cut %t, %d left (%v), want %t and the first %d", n, u.Cut, len(u.Watchlist), err, cut, want)
		}
	}
}

func FuzzParseUser(f *testing.F) {
	for _, in := range []string{
		`{"id":"12345"}`, `{"id":"u1","user_info":{"a":1e9},"watchlist":["u2","u2","\ud800"]}`,
		`{"id":1}`, `{"id":"a","watchlist":{}}`, `{"id":"a","watchlist":[1]}`, `{"Id":"a"}`, `[]`, ``,
	} {
		f.Add(in, 2)
	}
	f.Fuzz(func(t *testing.T, in string, limit int) {
		l := protocol.DefaultLimits()
		l.Watchlist = limit & 0xFF
		got, perr := protocol.ParseUser(in, l)
		if perr != nil {
			checkText(t, perr.Message)
			return
		}
		checkMember(t, got.Member)
		var want map[string]any
		decoder := json.NewDecoder(strings.NewReader(in))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q is accepted but not an object: %v", in, err)
		}
		if want["id"] != got.ID {
			t.Errorf("%q: id %q, want %q", in, got.ID, want["id"])
		}
		checkSameInfo(t, want["user_info"], got.Info)
		var distinct []string
		list, _ := want["watchlist"].([]any)
		for _, id := range list {
			if !slices.Contains(distinct, id.(string)) {
				distinct = append(distinct, id.(string))
			}
		}
		n := min(len(distinct), l.Watchlist)
		if !slices.Equal(distinct[:n], got.Watchlist) || got.Cut != (n < len(distinct)) {
			t.Errorf("%q: watchlist %q (cut %t), of %q at most %d", in, got.Watchlist, got.Cut, distinct, l.Watchlist)
		}
	})
}
