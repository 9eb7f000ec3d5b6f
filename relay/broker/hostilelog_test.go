package broker_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
)

func (l *logRig) bad(what string) float64 {
	return testutil.ToFloat64(l.metrics.LogBad.WithLabelValues(what))
}

// walk reads all there is, and returns the data with a word for each gap and each hole.
func (l *logRig) walk(from protocol.Start) (story []string) {
	l.t.Helper()
	for range 50 {
		page := l.read(from)
		if g := page.Gap(); g != nil {
			story = append(story, string(g.Reason)+" "+strconv.FormatInt(g.Missing, 10))
		}
		for i, e := range page.Entries {
			if i > 0 && e.Link.Prev != page.Entries[i-1].Link.At.ID {
				missing := e.Link.Prev.Offset - page.Entries[i-1].Link.At.ID.Offset
				story = append(story, "unavailable "+strconv.FormatUint(missing, 10))
			}
			story = append(story, e.Data)
		}
		if !page.More {
			return story
		}
		from = since(page.End)
	}
	l.t.Fatalf("reading does not end: %q", story)
	return nil
}

func TestWhatAStrangerDidToALogIsTold(t *testing.T) {
	entry := func(l *logRig, id string, fields ...any) { l.do(append([]any{"XADD", key, id}, fields...)...) }
	// forge lets the meta hash say that the log ends at an entry.
	forge := func(l *logRig, id string) { l.do("HSET", key+":meta", "i", id) }
	tests := []struct {
		name string
		do   func(l *logRig, at []protocol.Position)
		want []string
		bad  float64 // reads that count as such
	}{
		{"nothing", func(*logRig, []protocol.Position) {}, numbers(1, 5), 0},
		{"deletes one", func(l *logRig, at []protocol.Position) {
			l.do("XDEL", key, at[2].ID.String())
		}, []string{"1", "2", "unavailable 1", "4", "5"}, 1},
		{"deletes some", func(l *logRig, at []protocol.Position) {
			l.do("XDEL", key, at[1].ID.String(), at[3].ID.String())
		}, []string{"1", "unavailable 1", "3", "unavailable 1", "5"}, 1},
		{"deletes the newest", func(l *logRig, at []protocol.Position) {
			l.do("XDEL", key, at[3].ID.String(), at[4].ID.String())
		}, []string{"1", "2", "3", "unavailable 2"}, 1},
		{"trims", func(l *logRig, _ []protocol.Position) {
			l.do("XTRIM", key, "MAXLEN", "2")
		}, []string{"trimmed 3", "4", "5"}, 0},
		{"deletes all", func(l *logRig, _ []protocol.Position) {
			l.do("DEL", key)
		}, []string{"trimmed 5"}, 0},
		{"empties it", func(l *logRig, _ []protocol.Position) {
			l.do("XTRIM", key, "MAXLEN", "0")
		}, []string{"trimmed 5"}, 0},
		{"adds behind", func(l *logRig, _ []protocol.Position) {
			entry(l, "*", "temperature", "20")
		}, numbers(1, 5), 0},
		{"moves the top ahead", func(l *logRig, _ []protocol.Position) {
			forge(l, "9-1")
		}, append(numbers(1, 5), "unavailable 4"), 1},
		{"moves the top very far ahead", func(l *logRig, _ []protocol.Position) {
			forge(l, "999999999999999-4294967295")
		}, append(numbers(1, 5), "unavailable 999999999999994"), 1},
		{"moves the top back", func(l *logRig, at []protocol.Position) {
			forge(l, at[2].ID.String())
		}, numbers(1, 3), 0},
		{"adds foreign fields", func(l *logRig, _ []protocol.Position) {
			entry(l, "6-1", "temperature", "20")
			entry(l, "7-1", "e", "e", "d", "7", "t", "1", "p", "1")
			forge(l, "7-1")
		}, append(numbers(1, 5), "unavailable 1", "7"), 1},
		{"adds one field too many", func(l *logRig, at []protocol.Position) {
			entry(l, "6-1", "e", "e", "d", "6", "t", "1", "p", at[4].ID.String()[2:], "z", "z")
			forge(l, "6-1")
		}, append(numbers(1, 5), "unavailable 1"), 1},
		{"adds what does not follow", func(l *logRig, _ []protocol.Position) {
			entry(l, "6-1", "e", "e", "d", "6", "t", "1", "p", "123")
			entry(l, "7-1", "e", "e", "d", "7", "t", "1", "p", "1")
			forge(l, "7-1")
		}, append(numbers(1, 5), "unavailable 1", "7"), 1},
		{"adds an offset twice", func(l *logRig, at []protocol.Position) {
			p := at[4].ID.String()[2:]
			entry(l, "6-1", "e", "e", "d", "6", "t", "1", "p", p)
			entry(l, "6-2", "e", "e", "d", "6 again", "t", "1", "p", p)
			entry(l, "7-1", "e", "e", "d", "7", "t", "1", "p", "1")
			forge(l, "7-1")
		}, append(numbers(1, 5), "6", "7"), 1},
		{"adds an offset twice and goes on from the second", func(l *logRig, at []protocol.Position) {
			p := at[4].ID.String()[2:]
			entry(l, "6-1", "e", "e", "d", "6", "t", "1", "p", p)
			entry(l, "6-2", "e", "e", "d", "6 again", "t", "1", "p", p)
			entry(l, "7-1", "e", "e", "d", "7", "t", "1", "p", "2")
			entry(l, "8-1", "e", "e", "d", "8", "t", "1", "p", "1")
			forge(l, "8-1")
		}, append(numbers(1, 5), "6", "unavailable 1", "8"), 1},
		{"adds a nonce of more than 32 bits", func(l *logRig, _ []protocol.Position) {
			entry(l, "6-99999999999", "e", "e", "d", "6", "t", "1", "p", "1")
			entry(l, "7-1", "e", "e", "d", "7", "t", "1", "p", "1")
			forge(l, "7-1")
		}, append(numbers(1, 5), "unavailable 1", "7"), 1},
		{"adds a reserved name", func(l *logRig, at []protocol.Position) {
			entry(l, "6-1", "e", "pusher:error", "d", "6", "t", "1", "p", at[4].ID.String()[2:])
			forge(l, "6-1")
		}, append(numbers(1, 5), "unavailable 1"), 1},
		{"adds more data than may be", func(l *logRig, at []protocol.Position) {
			entry(l, "6-1", "e", "e", "d", strings.Repeat("x", protocol.MaxRedisData+1), "t", "1", "p", at[4].ID.String()[2:])
			forge(l, "6-1")
		}, append(numbers(1, 5), "unavailable 1"), 1},
		{"adds very much data", func(l *logRig, at []protocol.Position) {
			entry(l, "6-1", "e", "e", "d", strings.Repeat("x", 300<<10), "t", "1", "p", at[4].ID.String()[2:])
			entry(l, "7-1", "e", "e", "d", "7", "t", "1", "p", "1")
			forge(l, "7-1")
		}, append(numbers(1, 5), "unavailable 1", "7"), 1},
		{"adds a bad final", func(l *logRig, at []protocol.Position) {
			entry(l, "6-1", "e", "e", "d", "6", "t", "1", "p", at[4].ID.String()[2:], "f", "{}")
			forge(l, "6-1")
		}, append(numbers(1, 5), "unavailable 1"), 1},
		{"empties the meta hash", func(l *logRig, _ []protocol.Position) {
			l.do("HDEL", key+":meta", "i")
		}, nil, 1},
		{"writes nonsense into the meta hash", func(l *logRig, _ []protocol.Position) {
			forge(l, "+inf")
		}, nil, 1},
		{"writes an id that is too large", func(l *logRig, _ []protocol.Position) {
			forge(l, "99999999999999999999-1")
		}, nil, 1},
		{"writes an epoch that is none", func(l *logRig, _ []protocol.Position) {
			l.do("HSET", key+":meta", "e", "x")
		}, nil, 1},
	}
	eachRedis(t, func(t *testing.T, l *logRig) {
		for _, test := range tests {
			l.do("FLUSHALL")
			at := l.fill(5)
			test.do(l, at)
			before := l.bad("entry") + l.bad("meta")
			if diff := cmp.Diff(test.want, l.walk(first)); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", test.name, diff)
			}
			if n := l.bad("entry") + l.bad("meta") - before; n < test.bad || n > 0 && test.bad == 0 {
				t.Errorf("%s: counted %v times, want %v", test.name, n, test.bad)
			}
			for _, from := range append(at, protocol.Position{}) {
				l.walk(since(from))
			}
			for n := range int64(4) {
				l.walk(protocol.Start{Kind: protocol.StartCount, N: 1 + 2*n})
				l.walk(protocol.Start{Kind: protocol.StartBytes, N: 1 + 4*n})
			}
			// Whatever it was, events go on.
			six := l.mustAppend("e", "goes on")
			story := l.walk(since(protocol.Position{Epoch: six.Epoch}))
			if story[len(story)-1] != "goes on" {
				t.Errorf("%s: afterwards %q", test.name, story)
			}
			if more := l.mustAppend("e", "and on"); more.Epoch != six.Epoch || more.ID.Offset != six.ID.Offset+1 {
				t.Errorf("%s: %s after %s", test.name, more, six)
			}
		}
	})
}

// More bad entries than a page holds are passed by, too.
func TestManyBadEntriesAreOneAfterAnother(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		l.fill(1)
		pipe := l.client.Pipeline()
		for i := range 1200 {
			pipe.Do(t.Context(), "XADD", key, strconv.Itoa(i+2)+"-1", "z", "z")
		}
		pipe.Do(t.Context(), "XADD", key, "1202-1", "e", "e", "d", "the end", "t", "1", "p", "1")
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.do("HSET", key+":meta", "i", "1202-1")
		want := []string{"1", "unavailable 500", "unavailable 500", "unavailable 200", "the end"}
		if diff := cmp.Diff(want, l.walk(first)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsNoLogIsToldAndReplaced(t *testing.T) {
	tests := map[string]struct {
		do     func(l *logRig)
		broken bool
	}{
		"a string for the entries": {func(l *logRig) { l.do("DEL", key); l.do("SET", key, "x") }, true},
		"a list for the entries":   {func(l *logRig) { l.do("DEL", key); l.do("RPUSH", key, "x") }, true},
		"a string for the meta":    {func(l *logRig) { l.do("SET", key+":meta", "x") }, true},
		"a stream for the meta":    {func(l *logRig) { l.do("DEL", key+":meta"); l.do("XADD", key+":meta", "*", "e", "x") }, true},
		"only a stranger's stream": {func(l *logRig) { l.do("FLUSHALL"); l.do("XADD", key, "*", "e", "x") }, false},
		"only a stranger's string": {func(l *logRig) { l.do("FLUSHALL"); l.do("SET", key, "x") }, false},
		"only a stranger's hash":   {func(l *logRig) { l.do("FLUSHALL"); l.do("HSET", key+":meta", "x", "y") }, false},
	}
	eachRedis(t, func(t *testing.T, l *logRig) {
		for name, test := range tests {
			at := l.fill(2)
			test.do(l)
			before := l.bad("type")
			page, err := l.ReadLog(t.Context(), "1", "a", since(at[0]))
			if errors.Is(err, protocol.ErrLogBroken) != test.broken || err == nil == test.broken {
				t.Errorf("%s: %v", name, err)
			}
			if (l.bad("type") > before) != test.broken {
				t.Errorf("%s: counted %v times", name, l.bad("type")-before)
			}
			if len(page.Entries) != 0 || !test.broken && page.Top != (protocol.Position{}) {
				t.Errorf("%s: page %+v", name, page)
			}
			begun := l.mustAppend("e", "new")
			if begun.Epoch == at[0].Epoch || begun.ID.Offset != 1 {
				t.Errorf("%s: goes on at %s", name, begun)
			}
			if diff := cmp.Diff([]string{"new"}, datas(l.read(first))); diff != "" {
				t.Errorf("%s: entries (-want +got):\n%s", name, diff)
			}
		}
	})
}

// A publisher that minds the epoch is told when a stranger ruined the log, instead of
// going on in a new one.
func TestARuinedLogIsGoneForWhoMindsItsEpoch(t *testing.T) {
	ruins := map[string]func(l *logRig, next string){
		"a later entry":      func(l *logRig, _ string) { l.do("XADD", key, "*", "e", "x") },
		"the very next id":   func(l *logRig, next string) { l.do("XADD", key, next, "e", "x") },
		"one in between":     func(l *logRig, _ string) { l.do("XADD", key, "3-0", "e", "x") },
		"a later id deleted": func(l *logRig, _ string) { l.do("XADD", key, "99-0", "e", "x"); l.do("XDEL", key, "99-0") },
		"another type":       func(l *logRig, _ string) { l.do("DEL", key); l.do("SET", key, "x") },
	}
	eachRedis(t, func(t *testing.T, l *logRig) {
		for name, ruin := range ruins {
			if l.builtIn && name == "a later id deleted" {
				continue // it forgets deleted ids, and so they do no harm
			}
			l.do("FLUSHALL")
			at := l.fill(2)
			c := chain{epoch: at[0].Epoch}
			c.next("e", "1")
			c.next("e", "2")
			ruin(l, c.next("e", "3").ID.String())
			_, _, _, err := l.append("e", "3", "", `{"epoch":"`+at[0].Epoch+`"}`)
			if err == nil || !strings.HasPrefix(err.Error(), "LOGGONE") {
				t.Errorf("%s: %v, want LOGGONE", name, err)
			}
			if begun := l.mustAppend("e", "3"); begun.Epoch == at[0].Epoch || begun.ID.Offset != 1 {
				t.Errorf("%s: goes on at %s", name, begun)
			}
			if diff := cmp.Diff([]string{"3"}, l.walk(first)); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", name, diff)
			}
		}
	})
}
