package api

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

const aPosition = "00000000000000aa:12-345"

func TestHistoryQueriesAreRead(t *testing.T) {
	t.Parallel()
	at := protocol.Position{Epoch: "00000000000000aa", ID: protocol.ID{Offset: 12, Nonce: 345}}
	first := protocol.Start{Kind: protocol.StartFirst}
	cases := map[string]historyQuery{
		"":                           {start: first, limit: 100},
		"limit=1&auth_key=x&other=y": {start: first, limit: 1},
		"limit=500":                  {start: first, limit: 500},
		"since=" + aPosition:         {start: protocol.Start{Kind: protocol.StartSince, Since: at}, limit: 100},
		"since=0:0-0&wait=20s":       {start: protocol.Start{Kind: protocol.StartSince}, limit: 100, wait: 20 * time.Second},
		"wait=0s":                    {start: first, limit: 100},
		"before=end":                 {start: first, limit: 100, before: &place{end: true}},
		"before=" + aPosition:        {start: first, limit: 100, before: &place{at: at}},
		"before=12-345&limit=7":      {start: first, limit: 7, before: &place{at: protocol.Position{ID: at.ID}}},
	}
	for raw, want := range cases {
		q, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseHistoryQuery(q)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(historyQuery{}, place{})); diff != "" {
			t.Errorf("%s:\n%s", raw, diff)
		}
	}
}

func TestBadHistoryQueriesAreTold(t *testing.T) {
	t.Parallel()
	const limit, wait, since, before = "limit must be a whole number from 1 to 500", "wait must be a time from 0s to 20s",
		"since must be a position", "before must be the id of an entry"
	cases := map[string]string{
		"limit=0": limit, "limit=501": limit, "limit=-1": limit, "limit=%2B5": limit, "limit=": limit, "limit=1e2": limit,
		"limit=99999999999999999999": limit, "limit=5&limit=6": "limit must be given once, not 2 times",
		"wait=21s": wait, "wait=-1s": wait, "wait=10": wait, "wait=": wait, "wait=1h": wait,
		"since=": since, "since=12-345": since, "since=x:12-345": since, "since=00000000000000aa:0012-345": since,
		"since=00000000000000aa:12-99999999999": since, "since=0:12-345": since, "since=0:0-0&since=0:0-0": "since must be given once",
		"before=": before, "before=0-0": before, "before=0:0-0": before, "before=00000000000000aa:0-0": before, "before=END": before,
		"before=12": before, "before=12-345-6": before,
		"before=end&since=0:0-0": "not both", "before=end&wait=1s": "wait goes with since",
	}
	for raw, want := range cases {
		q, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseHistoryQuery(q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

// What is accepted is within its bounds and means what was written.
func FuzzHistoryQuery(f *testing.F) {
	for _, seed := range []string{"", "limit=5&since=" + aPosition, "before=12-345", "before=end", "wait=1.5s", "limit=05", "wait=+1s", "since=0:0-0&limit=5&limit=6"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			t.Skip()
		}
		q, err := parseHistoryQuery(values)
		if err != nil {
			if status, text := statusOf(err); status != 400 || text == "" {
				t.Fatalf("refused with %d %q", status, text)
			}
			return
		}
		if q.limit < 1 || q.limit > maxEntries || q.wait < 0 || q.wait > maxWait {
			t.Errorf("limit %d, wait %s", q.limit, q.wait)
		}
		if since := values.Get("since"); since != "" && q.start.Since.String() != since {
			t.Errorf("since %q became %s", since, q.start.Since)
		}
		if b := q.before; b != nil {
			if given := values.Get("before"); !b.end && b.at.ID.String() != given && b.at.String() != given {
				t.Errorf("before %q became %s", given, b.at)
			}
			if !b.end && b.at.ID.Offset == 0 {
				t.Error("before the beginning")
			}
		}
	})
}
