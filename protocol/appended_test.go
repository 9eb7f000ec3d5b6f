package protocol_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

const digest = "0123456789abcdef0123456789abcdef01234567"

// appended is what the script publishes.
func appended(id, prev, event, exclude, final, data string) string {
	return fmt.Sprintf("relay1 %s %s %s 1764000000000 %d %d %d\n%s%s%s%s",
		epoch, id, prev, len(event), len(exclude), len(final), event, exclude, final, data)
}

func TestAppendedEventsAreRead(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	link := func(offset uint64, nonce, before uint32) *protocol.Link {
		return &protocol.Link{At: at(offset, nonce), Prev: at(offset-1, before).ID, Time: 1764000000000}
	}
	first := link(1, 7, 0)
	last := link(3, 9, 8)
	last.Final = &protocol.Final{Entries: 3, Lines: n(40), Digest: digest}
	const final = `{"entries":3,"lines":40,"bytes":null,"digest":"` + digest + `"}`
	tests := []struct {
		name      string
		published string
		id        string
		fields    []string
		want      protocol.Event
	}{
		{
			"the first", appended("1-7", "0-0", "e", "", "", "d"),
			"1-7",
			[]string{"e", "e", "d", "d", "t", "1764000000000", "p", "0"},
			protocol.Event{Name: "e", Channel: "a", Data: "d", Link: first},
		},
		{
			"the last", appended("3-9", "2-8", "e", "1.2", final, "d"),
			"3-9",
			[]string{"f", final, "x", "1.2", "p", "8", "t", "1764000000000", "d", "d", "e", "e"},
			protocol.Event{Name: "e", Channel: "a", Data: "d", Exclude: "1.2", Link: last},
		},
		{
			"data with anything in it", appended("1-7", "0-0", "ä b\n", "", "", "relay1 \n\x00\xff"),
			"1-7",
			[]string{"e", "ä b\n", "d", "relay1 \n\x00\xff", "t", "1764000000000", "p", "0"},
			protocol.Event{Name: "ä b\n", Channel: "a", Data: "relay1 \n\x00\xff", Link: first},
		},
		{
			"no data", appended("1-7", "0-0", "e", "", "", ""),
			"1-7",
			[]string{"e", "e", "d", "", "t", "1764000000000", "p", "0"},
			protocol.Event{Name: "e", Channel: "a", Link: first},
		},
		{
			"as much data as may be", appended("1-7", "0-0", "e", "", "", strings.Repeat("x", protocol.MaxRedisData)),
			"1-7",
			[]string{"e", "e", "d", strings.Repeat("x", protocol.MaxRedisData), "t", "1764000000000", "p", "0"},
			protocol.Event{Name: "e", Channel: "a", Data: strings.Repeat("x", protocol.MaxRedisData), Link: first},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !protocol.IsAppended([]byte(test.published)) {
				t.Error("not known as appended")
			}
			got, err := protocol.ParseAppended([]byte(test.published), "a", protocol.DefaultLimits())
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("published: %v (-want +got):\n%s", err, diff)
			}
			got, err = protocol.ParseEntry(epoch, test.id, test.fields, "a", protocol.DefaultLimits())
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("entry: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestWhatIsNoAppendedEventIsRefused(t *testing.T) {
	good := appended("2-8", "1-7", "e", "", "", "d")
	swap := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	tests := map[string]string{
		"nothing":                  "",
		"another version":          swap("relay1", "relay2"),
		"no head":                  "relay1 ",
		"a word too few":           swap(" 1-7 ", " "),
		"a word too many":          swap(" 1-7 ", " 1-7 x "),
		"an endless head":          "relay1 " + strings.Repeat("x", 1<<20) + "\n",
		"a head without an end":    strings.TrimSuffix(good, "\ned"),
		"an epoch that is none":    swap(epoch, "x"),
		"no epoch":                 swap(epoch, "0"),
		"an id that is none":       swap("2-8", "2"),
		"an id of no entry":        swap("2-8", "0-0"),
		"a hole before it":         swap("2-8", "4-8"),
		"itself before it":         swap("1-7", "2-8"),
		"a later one before it":    swap("1-7", "3-7"),
		"a time that is none":      swap("1764000000000", "now"),
		"a time before all times":  swap("1764000000000", "-1"),
		"more event than is there": fmt.Sprintf("relay1 %s 2-8 1-7 1 9 0 0\ned", epoch),
		"a negative length":        fmt.Sprintf("relay1 %s 2-8 1-7 1 -1 0 0\ned", epoch),
		"a huge length":            fmt.Sprintf("relay1 %s 2-8 1-7 1 99999999999999999999 0 0\ned", epoch),
		"no event":                 appended("2-8", "1-7", "", "", "", "d"),
		"a reserved event":         appended("2-8", "1-7", "pusher:error", "", "", "d"),
		"the relay's event":        appended("2-8", "1-7", "relay:gap", "", "", "d"),
		"an event that is long":    appended("2-8", "1-7", strings.Repeat("x", protocol.MaxEventName+1), "", "", "d"),
		"an event not in UTF-8":    appended("2-8", "1-7", "\xff", "", "", "d"),
		"nobody excluded":          appended("2-8", "1-7", "e", "x", "", "d"),
		"too much data":            appended("2-8", "1-7", "e", "", "", strings.Repeat("x", protocol.MaxRedisData+1)),
		"a final that is no JSON":  appended("2-8", "1-7", "e", "", "final", "d"),
		"a final of another type":  appended("2-8", "1-7", "e", "", "[]", "d"),
		"a final without entries":  appended("2-8", "1-7", "e", "", `{"digest":"`+digest+`"}`, "d"),
		"a final without digest":   appended("2-8", "1-7", "e", "", `{"entries":2}`, "d"),
		"a digest that is short":   appended("2-8", "1-7", "e", "", `{"entries":2,"digest":"12"}`, "d"),
		"a digest in upper case":   appended("2-8", "1-7", "e", "", `{"entries":2,"digest":"`+strings.ToUpper(digest)+`"}`, "d"),
		"a negative count":         appended("2-8", "1-7", "e", "", `{"entries":2,"lines":-1,"digest":"`+digest+`"}`, "d"),
		"half a line":              appended("2-8", "1-7", "e", "", `{"entries":2,"lines":1.5,"digest":"`+digest+`"}`, "d"),
	}
	if _, err := protocol.ParseAppended([]byte(good), "a", protocol.DefaultLimits()); err != nil {
		t.Fatalf("what the tests begin with: %v", err)
	}
	for name, message := range tests {
		e, err := protocol.ParseAppended([]byte(message), "a", protocol.DefaultLimits())
		if err == nil {
			t.Errorf("%s: read as %+v", name, e)
			continue
		}
		checkText(t, err.Error())
		if e.Link != nil || e.Name != "" {
			t.Errorf("%s: an event beside an error", name)
		}
	}
}

func TestWhatIsNoEntryIsRefused(t *testing.T) {
	tests := map[string]struct {
		epoch, id string
		fields    []string
	}{
		"no fields":              {epoch, "2-8", nil},
		"half a field":           {epoch, "2-8", []string{"e"}},
		"a foreign field":        {epoch, "2-8", []string{"e", "e", "d", "d", "t", "1", "p", "7", "z", "z"}},
		"a stranger's entry":     {epoch, "1764000000000-0", []string{"temperature", "20"}},
		"no name":                {epoch, "2-8", []string{"d", "d", "t", "1", "p", "7"}},
		"no time":                {epoch, "2-8", []string{"e", "e", "d", "d", "p", "7"}},
		"none before it":         {epoch, "2-8", []string{"e", "e", "d", "d", "t", "1"}},
		"another before it":      {epoch, "1-8", []string{"e", "e", "d", "d", "t", "1", "p", "7"}},
		"a nonce that is none":   {epoch, "2-8", []string{"e", "e", "d", "d", "t", "1", "p", "4294967296"}},
		"an id of no entry":      {epoch, "0-0", []string{"e", "e", "d", "d", "t", "1", "p", "0"}},
		"an id that is none":     {epoch, "2", []string{"e", "e", "d", "d", "t", "1", "p", "7"}},
		"an id that is too long": {epoch, "1000000000000000-8", []string{"e", "e", "d", "d", "t", "1", "p", "7"}},
		"an epoch that is none":  {"", "2-8", []string{"e", "e", "d", "d", "t", "1", "p", "7"}},
	}
	for name, test := range tests {
		e, err := protocol.ParseEntry(test.epoch, test.id, test.fields, "a", protocol.DefaultLimits())
		if err == nil {
			t.Errorf("%s: read as %+v", name, e)
			continue
		}
		checkText(t, err.Error())
	}
}

func TestWhatBackendsPublishIsNotTakenForAppended(t *testing.T) {
	for _, payload := range []string{"", "relay1", `{"event":"e","data":"1"}`, `["relay1 "]`, " relay1 ", "Relay1 "} {
		if protocol.IsAppended([]byte(payload)) {
			t.Errorf("%q is", payload)
		}
	}
}
