package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/api"
)

// keyless reads logs as a node does that has no key for some entries, and counts the reads.
type keyless struct {
	api.Logs
	sealed func(protocol.Event) bool
	reads  int
}

func (k *keyless) ReadLog(ctx context.Context, appID, channel string, start protocol.Start) (protocol.Page, error) {
	k.reads++
	page, err := k.Logs.ReadLog(ctx, appID, channel, start)
	if len(page.Entries) > 0 && k.sealed(page.Entries[0]) {
		page.Bad++ // or more
	}
	page.Entries = slices.DeleteFunc(page.Entries, k.sealed)
	if len(page.Entries) > 0 {
		page.End = page.Entries[len(page.Entries)-1].Link.At
		page.More = page.End != page.Top
	}
	return page, err
}

// Whoever can write to Redis can spoil every other entry. That costs readers what they cannot
// read, and no more reads.
func TestAFloodOfUnreadableEntriesIsReadInAsManyPages(t *testing.T) {
	t.Parallel()
	const entries = 6000
	w := newLogWorld(t, 2*entries)
	w.print(1, entries)
	var text strings.Builder
	for n := 1; n <= entries; n += 2 {
		text.WriteString(line(n) + "=== buildrelay: 1 event is missing: what Redis has there can't be read ===\n")
	}
	for name, c := range map[string]struct{ method, path, query, want string }{
		"the text":         {http.MethodGet, logPath, "", text.String()},
		"its length":       {http.MethodHead, logPath, "", ""},
		"a page":           {http.MethodGet, logChannel + "/history", "limit=500", ""},
		"a page backwards": {http.MethodGet, logChannel + "/history", "before=end&limit=500", ""},
	} {
		reads := func(sealed func(protocol.Event) bool) (n int, body string) {
			from := &keyless{Logs: w.broker, sealed: sealed}
			w.api.Logs = from
			if c.method == http.MethodHead {
				w.call(c.method, c.path, c.query)
			} else {
				_, body = w.get(c.path, c.query)
			}
			return from.reads, body
		}
		good, _ := reads(func(protocol.Event) bool { return false })
		bad, body := reads(func(e protocol.Event) bool { return e.Link.At.ID.Offset%2 == 0 })
		if bad > good+1 { // for the last one
			t.Errorf("%s needs %d reads, %d where every other entry is bad", name, good, bad)
		}
		if c.want != "" && body != c.want {
			t.Errorf("%s is %.300q", name, body)
		}
	}
}

// A page backwards that begins among such entries has the last that can be read before it.
func TestPagesBackwardsBeginAnywhereInAFlood(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 1000)
	at := w.print(1, 40)
	w.api.Logs = &keyless{Logs: w.broker, sealed: func(e protocol.Event) bool { return e.Link.At.ID.Offset%3 != 0 }}
	for end := 4; end < 40; end++ {
		page := w.history("limit=9&before=" + at[end-1].ID.String())
		if got, want := printed(page), line((end-1)/3*3); got != want || page.Gap == nil || *page.Gap.Missing != 2 {
			t.Errorf("before %d: %q behind %+v, want %q", end, got, page.Gap, want)
		}
	}
}

// Where none can be read before it, what is missing ends there, whatever is missing behind it.
func TestAPageBackwardsOfNothingReadableEndsWhereItWasAsked(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 1000)
	at := w.print(1, 100)
	w.api.Logs = &keyless{Logs: w.broker, sealed: func(e protocol.Event) bool {
		offset := e.Link.At.ID.Offset
		return offset > 10 && offset < 90 || offset == 95
	}}
	page := w.history("limit=9&before=" + at[89].ID.String())
	if page.Gap == nil || *page.Gap.ResumeAt != at[89].String() || len(page.Entries) > 0 {
		t.Errorf("%d entries behind %+v", len(page.Entries), page.Gap)
	}
}

// A log is another text where a node has other keys. Who has the beginning of the one is not
// given the end of the other.
func TestADownloadIsNotResumedByAnotherText(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	w.print(1, 9)
	w.publish(final())
	without := func(numbers ...int) {
		w.api.Logs = &keyless{Logs: w.broker, sealed: func(e protocol.Event) bool {
			return slices.ContainsFunc(numbers, func(n int) bool { return e.Data == output(line(n)).Data })
		}}
	}
	etags := map[string]string{}
	for _, numbers := range [][]int{nil, {3}, {4}, {3, 4}, {3, 7}, {4, 7}} {
		without(numbers...)
		head, _ := w.call(http.MethodHead, logPath, "")
		etag, of := head.header.Get("ETag"), fmt.Sprint(numbers)
		if same, known := etags[etag]; known || etag == "" {
			t.Errorf("without %s and without %s the ETag is %q", of, same, etag)
		}
		etags[etag] = of
		_, text := w.get(logPath, "")
		resume := func(status int, want string) {
			t.Helper()
			response, got := w.get(logPath, "", "Range", "bytes=12-", "If-Range", etag)
			if response.status != status || got != want {
				t.Errorf("begun without %s: %d %q", of, response.status, got)
			}
		}
		resume(http.StatusPartialContent, text[12:])
		without(5)
		resume(http.StatusOK, strings.Replace(lines(1, 9), line(5), "=== buildrelay: 1 event is missing: what Redis has there can't be read ===\n", 1))
	}
}

// Where keys change while a text is sent, it is cut off.
func TestARangeIsCutOffWhereTheKeysChangeMeanwhile(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	w.print(1, 9)
	hidden := output(line(3)).Data
	from := &keyless{Logs: w.broker, sealed: func(e protocol.Event) bool { return e.Data == hidden }}
	// The log is read once to begin, once to be measured, and then to be sent.
	w.api.Logs = &meddling{Logs: from, when: 3, what: func() { hidden = output(line(4)).Data }}
	_, body := w.call(http.MethodGet, logPath, "", "Range", "bytes=0-")
	if text, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) || len(text) > 0 {
		t.Errorf("got %q, %v", text, err)
	}
}

// Nor is who does not say of which text the beginning is.
func TestABlindRangeOfASealedLogIsCountedFromItsEnd(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	w.print(1, 9)
	app, _ := w.api.Apps.ByID("3")
	sealed := *app
	sealed.Seal = auth.SealRequired
	if err := w.api.Apps.Replace(sealed); err != nil {
		t.Fatal(err)
	}
	if response, text := w.get(logPath, "", "Range", "bytes=12-"); response.status != http.StatusOK || text != lines(1, 9) {
		t.Errorf("from the front: %d %q", response.status, text)
	}
	if response, text := w.get(logPath, "", "Range", "bytes=-7"); response.status != http.StatusPartialContent || text != line(9) {
		t.Errorf("from the end: %d %q", response.status, text)
	}
}
