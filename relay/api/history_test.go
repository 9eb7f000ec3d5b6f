package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/api"
)

func TestPagesForwardsAreTheWholeLog(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10_000)
	w.print(1, 1203)
	w.publish(final())
	for _, limit := range []int{53, 500} {
		text, query, entries := "", fmt.Sprint("limit=", limit), 0
		var last api.History
		for next := ""; ; {
			last = w.history(query + next)
			if last.Gap != nil || !last.Closed || len(last.Entries) > limit || len(last.Entries) == 0 {
				t.Fatalf("limit %d: %d entries, gap %v, closed %v", limit, len(last.Entries), last.Gap, last.Closed)
			}
			text += printed(last)
			entries += len(last.Entries)
			if last.Next == nil {
				break
			}
			next = "&since=" + url.QueryEscape(*last.Next)
		}
		if text != lines(1, 1203) {
			t.Errorf("limit %d: the pages are not the log", limit)
		}
		if last.Final == nil || last.Final.Entries != 1204 || entries != 1204 || len(last.Final.Digest) != 40 {
			t.Errorf("limit %d: %d entries, final %+v", limit, entries, last.Final)
		}
	}
}

func TestPagesBackwardsAreTheWholeLog(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10_000)
	const large = 30
	w.print(1, 700)
	for i := range large { // more than one read brings
		w.publish(output(strings.Repeat("x", 30_000) + "\n" + line(701+i)))
	}
	want := lines(1, 700)
	for i := range large {
		want += strings.Repeat("x", 30_000) + "\n" + line(701+i)
	}
	for _, limit := range []int{60, 500} {
		text, before := "", "end"
		for {
			page := w.history(fmt.Sprintf("limit=%d&before=%s", limit, url.QueryEscape(before)))
			if page.Gap != nil || len(page.Entries) > limit || len(page.Entries) == 0 {
				t.Fatalf("limit %d: %d entries before %s, gap %+v", limit, len(page.Entries), before, page.Gap)
			}
			if len(printed(page)) > 300_000 {
				t.Errorf("limit %d: a page of %d bytes", limit, len(printed(page)))
			}
			if before == "end" && *page.Next != page.Position {
				t.Errorf("the page at the end goes on at %s, not at %s", *page.Next, page.Position)
			}
			text = printed(page) + text
			if page.Previous == nil {
				break
			}
			before = *page.Previous
			if limit == 60 { // the bare id does as well
				_, before, _ = strings.Cut(before, ":")
			}
		}
		if text != want {
			t.Errorf("limit %d: the pages are not the log", limit)
		}
	}
}

func TestAPageSaysWhatAnEntryIs(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10)
	e := protocol.Event{Name: "odd <event>", Channel: logChannel, Data: "data that is <no> JSON \u2028 \x01"}
	at := w.publish(e)[0]
	page := w.history("")
	if page.Entries[0].Time == 0 {
		t.Error("no time")
	}
	page.Entries[0].Time = 0
	next := at.String()
	want := api.History{
		Position: at.String(),
		Entries:  []api.HistoryEntry{{ID: at.ID.String(), Position: at.String(), Event: e.Name, Data: e.Data}},
		Next:     &next,
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Error(diff)
	}
}

func TestALogThatIsNotThereIsAnEmptyPage(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10)
	_, body := w.get(logChannel+"/history", "")
	const want = `{"position":"0:0-0","closed":false,"entries":[],"gap":null,"next":"0:0-0","previous":null,"final":null}` + "\n"
	if body != want {
		t.Errorf("got %s", body)
	}
	if page := w.history("before=end"); page.Next == nil || *page.Next != "0:0-0" {
		t.Errorf("backwards: %+v", page)
	}
}

// What the log cannot give is told, in either direction, and what there is follows.
func TestHistoryTellsGaps(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10)
	at := w.print(1, 25)
	other := at[24]
	other.ID.Nonce++
	gone := protocol.Position{Epoch: "00000000000000aa", ID: at[20].ID}
	ahead := at[24]
	ahead.ID.Offset += 5
	cases := map[string]struct {
		query   string
		reason  protocol.GapReason
		missing int64 // -1 for null
		reset   bool
		text    string
	}{
		"trimmed start":          {"", protocol.GapTrimmed, 15, false, lines(16, 10)},
		"trimmed since":          {"since=" + at[4].String(), protocol.GapTrimmed, 10, false, lines(16, 10)},
		"since of another log":   {"since=" + gone.String(), protocol.GapEpoch, -1, true, lines(16, 10)},
		"since ahead of the top": {"since=" + ahead.String(), protocol.GapRollback, -1, true, lines(16, 10)},
		"since of a fork":        {"since=" + other.String(), protocol.GapFork, -1, true, lines(16, 10)},
		"backwards to the start": {"before=" + at[19].String(), protocol.GapTrimmed, 15, false, lines(16, 4)},
		"before the oldest":      {"before=" + at[15].String(), protocol.GapTrimmed, 15, false, ""},
		"before what is trimmed": {"before=" + at[5].ID.String(), protocol.GapTrimmed, 15, false, ""},
		"before in another log":  {"before=" + gone.String(), protocol.GapEpoch, -1, true, ""},
		"before past the top":    {"before=" + ahead.ID.String(), protocol.GapRollback, -1, true, ""},
		"before of a fork":       {"before=" + other.ID.String(), protocol.GapFork, -1, true, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page := w.history(c.query)
			if page.Gap == nil {
				t.Fatalf("no gap is told in %+v", page)
			}
			missing := int64(-1)
			if page.Gap.Missing != nil {
				missing = *page.Gap.Missing
			}
			if page.Gap.Reason != c.reason || missing != c.missing || page.Gap.Reset != c.reset {
				t.Errorf("the gap is %+v, %d missing", page.Gap, missing)
			}
			if got := printed(page); got != c.text {
				t.Errorf("got %q, want %q", got, c.text)
			}
			if page.Previous != nil && len(page.Entries) == 0 {
				t.Error("a page without entries has something before it")
			}
		})
	}
}

// Entries that cannot be read are told, and do not keep from what is around them.
func TestHistoryGoesAroundWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 1000)
	at := w.print(1, 20)
	w.spoil(at[9], at[10], at[14])
	want := lines(1, 9) + "[2]" + lines(12, 3) + "[1]" + lines(16, 5)
	gap := func(page api.History) string {
		switch {
		case page.Gap == nil:
			return ""
		case page.Gap.Reason != protocol.GapUnavailable || page.Gap.Missing == nil:
			t.Fatalf("the gap is %+v", page.Gap)
		}
		return fmt.Sprintf("[%d]", *page.Gap.Missing)
	}
	for _, limit := range []string{"limit=2", "limit=100"} {
		forwards, query := "", limit
		for {
			page := w.history(query)
			forwards += gap(page) + printed(page)
			if *page.Next == page.Position {
				break
			}
			query = limit + "&since=" + *page.Next
		}
		if forwards != want {
			t.Errorf("forwards, %s:\n%s", limit, forwards)
		}
		backwards, query := "", limit+"&before=end"
		for {
			page := w.history(query)
			backwards = gap(page) + printed(page) + backwards
			if page.Previous == nil {
				break
			}
			query = limit + "&before=" + *page.Previous
		}
		if backwards != want {
			t.Errorf("backwards, %s:\n%s", limit, backwards)
		}
	}
}

func TestWhatIsMissingAtTheEndIsTold(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 1000)
	at := w.print(1, 5)
	w.publish(final())
	w.spoil(at[4])
	last, err := protocol.ParsePosition(w.history("").Position)
	if err != nil {
		t.Fatal(err)
	}
	w.spoil(last)
	page := w.history("since=" + at[3].String())
	if page.Gap == nil || page.Gap.Reason != protocol.GapUnavailable || *page.Gap.Missing != 2 || page.Gap.ResumeAt != nil {
		t.Errorf("the gap is %+v", page.Gap)
	}
	if page.Next != nil || !page.Closed || len(page.Entries) > 0 {
		t.Errorf("behind it: %+v", page)
	}
	_, text := w.get(logPath, "follow=1")
	if want := lines(1, 4) + "=== buildrelay: 2 events are missing: what Redis has there can't be read ===\n"; text != want {
		t.Errorf("the text is %q", text)
	}
}

// What is appended while a page backwards is read neither moves nor spoils it.
func TestPagesBackwardsKeepTheirEnd(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10_000)
	at := w.print(1, 100)
	for _, appended := range []int{3, 300} {
		meanwhile := &meddling{Logs: w.broker, when: 2, what: func() { w.print(1001, appended) }}
		w.api.Logs = meanwhile
		page := w.history("before=" + at[50].ID.String() + "&limit=10")
		if got := printed(page); got != lines(41, 10) || page.Gap != nil || meanwhile.reads < 2 {
			t.Errorf("%d more: got %q, gap %+v", appended, got, page.Gap)
		}
		meanwhile.reads = 0
		page = w.history("before=end&limit=10")
		if page.Gap != nil || len(page.Entries) != 10 || meanwhile.reads < 2 {
			t.Errorf("%d more: got %d entries at the end, gap %+v", appended, len(page.Entries), page.Gap)
		}
	}
}

// spoil deletes entries from the stream, as a stranger could.
func (w *logWorld) spoil(entries ...protocol.Position) {
	w.t.Helper()
	for _, at := range entries {
		if err := w.redis.Client().XDel(w.t.Context(), "buildrelay:{3:"+logChannel+"}", at.ID.String()).Err(); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestHistoryWaitsForWhatFollows(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10)
	pages := make(chan api.History, 1)
	wait := func(query string) {
		// The channel's reader waits for it.
		go func() { pages <- w.history(query) }()
	}
	wait("wait=20s&since=0:0-0")
	w.awaitReaders(1)
	w.print(1, 1)
	page := <-pages
	if printed(page) != line(1) {
		t.Fatalf("waited for %+v", page)
	}
	wait("wait=20s&since=" + *page.Next)
	w.awaitReaders(1)
	w.publish(final())
	if page = <-pages; page.Next != nil || page.Final == nil {
		t.Errorf("the end came as %+v", page)
	}
	// Nothing follows a closed log, so nothing is waited for.
	once := &meddling{Logs: w.broker}
	w.api.Logs = once
	page = w.history("wait=20s&since=" + page.Position)
	if page.Next != nil || !page.Closed || len(page.Entries) > 0 || once.reads != 1 {
		t.Errorf("behind the end, after %d reads: %+v", once.reads, page)
	}
}

func TestHistoryThatWaitsAnswersInTheEnd(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10, func(s *http.Server) { s.ReadTimeout = 200 * time.Millisecond }) // must not end it
	at := w.print(1, 1)[0].String()
	if page := w.history("wait=600ms&since=" + at); *page.Next != at || len(page.Entries) > 0 {
		t.Errorf("nothing came as %+v", page)
	}
	answered := make(chan api.History)
	// The channel's reader waits for it.
	go func() { answered <- w.history("wait=20s&since=" + at) }()
	w.awaitReaders(1)
	close(w.stopping)
	if page := <-answered; *page.Next != at {
		t.Errorf("a node that stops answers %+v", page)
	}
}

func TestHistoryIsRefused(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 10)
	at := w.print(1, 1)[0].String()
	cases := []struct {
		path, query, want string
		status            int
	}{
		{"live/history", "", "RELAY_LOG_RULES", http.StatusNotFound},
		{"live/log", "", "RELAY_LOG_RULES", http.StatusNotFound},
		{"private-a:b/history", "", "private-a:b", http.StatusBadRequest},
		{logChannel + "/history", "since=5-1", "since must be a position", http.StatusBadRequest},
		{logChannel + "/history", "limit=501", "from 1 to 500", http.StatusBadRequest},
		{logChannel + "/log", "follow=yes", "follow must be 1 or 0", http.StatusBadRequest},
		{logChannel + "/log", "download=", "download must be 1 or 0", http.StatusBadRequest},
		{"private-encrypted-a/log", "", "encrypted", http.StatusBadRequest},
		{"private-none/log", "", "no log", http.StatusNotFound},
	}
	for _, c := range cases {
		response, body := w.get(c.path, c.query)
		if response.status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s?%s: %d %q, want %d %q", c.path, c.query, response.status, body, c.status, c.want)
		}
	}
	w.redis.Client().Set(t.Context(), "buildrelay:{3:private-broken}:meta", "no hash", 0)
	if response, body := w.get("private-broken/history", ""); response.status != http.StatusInternalServerError || !strings.Contains(body, "not a log") {
		t.Errorf("a broken log: %d %q", response.status, body)
	}
	w.redis.Stop()
	for _, query := range []string{"", "since=" + at, "before=end", "before=" + at, "wait=5s"} {
		if response, body := w.get(logChannel+"/history", query); response.status != http.StatusServiceUnavailable || !strings.Contains(body, "try again") {
			t.Errorf("without Redis, %s: %d %q", query, response.status, body)
		}
	}
}
