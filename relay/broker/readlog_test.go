package broker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// The log of these tests has 10 entries, each of 1 byte of name and 9 of data, of which
// the last 6 are retained.
func TestALogIsReadFromWhereOneLikes(t *testing.T) {
	tests := []struct {
		name  string
		start func(at []protocol.Position) protocol.Start
		from  int // offset, 0 for the beginning
		want  []int
		// missing is what the gap tells, 0 where there is none.
		missing int64
	}{
		{"now", start(protocol.StartNow, 0), 10, nil, 0},
		{"from the first", start(protocol.StartFirst, 0), 0, []int{5, 6, 7, 8, 9, 10}, 4},
		{"the newest", start(protocol.StartCount, 1), 9, []int{10}, 0},
		{"some", start(protocol.StartCount, 3), 7, []int{8, 9, 10}, 0},
		{"all but the oldest", start(protocol.StartCount, 5), 5, []int{6, 7, 8, 9, 10}, 0},
		{"all that are retained", start(protocol.StartCount, 6), 0, []int{5, 6, 7, 8, 9, 10}, 4},
		{"more than are retained", start(protocol.StartCount, 7), 0, []int{5, 6, 7, 8, 9, 10}, 4},
		{"more than there were", start(protocol.StartCount, 1_000_000_000), 0, []int{5, 6, 7, 8, 9, 10}, 4},
		{"a byte, so the newest", start(protocol.StartBytes, 1), 9, []int{10}, 0},
		{"bytes of one", start(protocol.StartBytes, 10), 9, []int{10}, 0},
		{"bytes of one and a half", start(protocol.StartBytes, 19), 9, []int{10}, 0},
		{"bytes of three", start(protocol.StartBytes, 30), 7, []int{8, 9, 10}, 0},
		{"bytes of all but one", start(protocol.StartBytes, 59), 5, []int{6, 7, 8, 9, 10}, 0},
		{"bytes of all", start(protocol.StartBytes, 60), 0, []int{5, 6, 7, 8, 9, 10}, 4},
		{"very many bytes", start(protocol.StartBytes, 1<<62), 0, []int{5, 6, 7, 8, 9, 10}, 4},
		{"since the newest", sinceEntry(10), 10, nil, 0},
		{"since the last but one", sinceEntry(9), 9, []int{10}, 0},
		{"since the oldest", sinceEntry(5), 5, []int{6, 7, 8, 9, 10}, 0},
		{"since right before the oldest", sinceEntry(4), 4, []int{5, 6, 7, 8, 9, 10}, 0},
		{"since one that is trimmed", sinceEntry(3), 3, []int{5, 6, 7, 8, 9, 10}, 1},
		{"since the first of all", sinceEntry(1), 1, []int{5, 6, 7, 8, 9, 10}, 3},
	}
	eachRedis(t, func(t *testing.T, l *logRig) {
		var at []protocol.Position
		for i := range 10 {
			at = append(at, l.mustAppend("e", fmt.Sprintf("%9d", i+1), "", `{"maxlen":6}`))
		}
		for _, test := range tests {
			page := l.read(test.start(at))
			from := protocol.Position{Epoch: at[0].Epoch}
			if test.from > 0 {
				from = at[test.from-1]
			}
			if page.From != from || page.Top != at[9] || page.End != at[9] || page.More || page.Oldest != at[4].ID || page.Bad != 0 || page.Closed {
				t.Errorf("%s: %+v", test.name, page)
			}
			if diff := cmp.Diff(test.want, offsets(page)); diff != "" {
				t.Errorf("%s: entries (-want +got):\n%s", test.name, diff)
			}
			var missing int64
			if g := page.Gap(); g != nil {
				missing = g.Missing
				if g.Reason != protocol.GapTrimmed || g.Reset || g.ResumeAt != at[4] || g.From != from {
					t.Errorf("%s: gap %+v", test.name, g)
				}
			}
			if missing != test.missing {
				t.Errorf("%s: %d missing, want %d", test.name, missing, test.missing)
			}
		}
	})
}

func start(kind protocol.StartKind, n int64) func([]protocol.Position) protocol.Start {
	return func([]protocol.Position) protocol.Start { return protocol.Start{Kind: kind, N: n} }
}

func sinceEntry(offset int) func([]protocol.Position) protocol.Start {
	return func(at []protocol.Position) protocol.Start { return since(at[offset-1]) }
}

func offsets(p protocol.Page) []int {
	var all []int
	for _, e := range p.Entries {
		all = append(all, int(e.Link.At.ID.Offset))
	}
	return all
}

func TestALogThatDoesNotExistHasAnEmptyPage(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		known := protocol.Position{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: 3, Nonce: 7}}
		for _, s := range []protocol.Start{first, {}, {Kind: protocol.StartCount, N: 5}, {Kind: protocol.StartBytes, N: 5}, since(protocol.Position{}), since(known)} {
			page := l.read(s)
			want := protocol.Page{}
			if s.Kind == protocol.StartSince {
				want.From = s.Since
			}
			if diff := cmp.Diff(want, page); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", s, diff)
			}
		}
		want := &protocol.Gap{Reason: protocol.GapEpoch, From: known, Missing: -1, Reset: true}
		if diff := cmp.Diff(want, l.read(since(known)).Gap()); diff != "" {
			t.Errorf("gap (-want +got):\n%s", diff)
		}
	})
}

// Each reason of a gap but trimming, which another test has.
func TestAReaderOfAnotherHistoryIsTold(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		at := l.fill(5)
		epoch := at[0].Epoch
		fork := func(offset int) protocol.Position {
			id := at[offset-1].ID
			return protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: id.Offset, Nonce: id.Nonce ^ 1}}
		}
		tests := []struct {
			name string
			from protocol.Position
			want protocol.GapReason
		}{
			{"another epoch", protocol.Position{Epoch: "0123456789abcdef", ID: at[2].ID}, protocol.GapEpoch},
			{"the beginning of another epoch", protocol.Position{Epoch: "0123456789abcdef"}, protocol.GapEpoch},
			{"another epoch, ahead", protocol.Position{Epoch: "0123456789abcdef", ID: protocol.ID{Offset: 99}}, protocol.GapEpoch},
			{"ahead by one", protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: 6, Nonce: 1}}, protocol.GapRollback},
			{"far ahead", protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: 999_999_999_999_999, Nonce: 1<<32 - 1}}, protocol.GapRollback},
			{"another first entry", fork(1), protocol.GapFork},
			{"another entry", fork(3), protocol.GapFork},
			{"another newest entry", fork(5), protocol.GapFork},
		}
		for _, test := range tests {
			page := l.read(since(test.from))
			want := &protocol.Gap{
				Reason: test.want, From: test.from, After: protocol.Position{Epoch: epoch}, ResumeAt: at[0], Missing: -1, Reset: true,
			}
			if diff := cmp.Diff(want, page.Gap()); diff != "" {
				t.Errorf("%s: gap (-want +got):\n%s", test.name, diff)
			}
			if diff := cmp.Diff(numbers(1, 5), datas(page)); diff != "" {
				t.Errorf("%s: entries (-want +got):\n%s", test.name, diff)
			}
		}
		l.do("XTRIM", key, "MAXLEN", "2")
		page := l.read(since(fork(3)))
		want := &protocol.Gap{Reason: protocol.GapFork, From: fork(3), After: at[2], ResumeAt: at[3], Missing: -1, Reset: true}
		if diff := cmp.Diff(want, page.Gap()); diff != "" {
			t.Errorf("another entry right before the oldest (-want +got):\n%s", diff)
		}
	})
}

// Pages follow one another without a seam, whatever bounds them.
func TestALongLogIsReadInPages(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		const entries = 550
		var all []protocol.Event
		for i := range entries {
			size := 1
			if i >= 520 {
				size = 20_000
			}
			all = append(all, event("a", strings.Repeat("x", size)))
		}
		for batch := range slices.Chunk(all, 10) {
			if _, err := l.Publish(t.Context(), "1", batch); err != nil {
				t.Fatal(err)
			}
		}
		var sizes []int
		got, from := 0, first
		for more := true; more; {
			page := l.read(from)
			if page.Gap() != nil {
				t.Fatalf("gap %+v", page.Gap())
			}
			bytes := 0
			for _, e := range page.Entries {
				if got++; e.Link.At.ID.Offset != uint64(got) {
					t.Fatalf("entry %d is at %s", got, e.Link.At)
				}
				bytes += len(e.Data)
			}
			if bytes > 256<<10 {
				t.Errorf("a page of %d bytes", bytes)
			}
			sizes = append(sizes, len(page.Entries))
			from, more = since(page.End), page.More
		}
		if got != entries {
			t.Errorf("read %d entries, want %d", got, entries)
		}
		if !slices.Equal(sizes, []int{500, 33, 13, 4}) {
			t.Errorf("pages of %v entries", sizes)
		}
	})
}

func TestTheTopsOfLogsAreReadTogether(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		at := l.mustAppend("e", "1", "", `{"final":true}`)
		receipt, err := l.Publish(t.Context(), "2", events("a", "1", "2"))
		if err != nil {
			t.Fatal(err)
		}
		l.do("SET", "buildrelay:{1:string}:meta", "x")
		l.do("HSET", "buildrelay:{1:half}:meta", "e", at.Epoch)
		l.do("HSET", "buildrelay:{1:bad}:meta", "e", at.Epoch, "i", "0-0", "f", "1")
		l.do("HSET", "buildrelay:{1:worse}:meta", "e", "x", "i", "1-1")
		var names []protocol.ChannelName
		for _, name := range []string{"1 none", "1 a", "1 string", "1 half", "2 a", "1 bad", "1 worse"} {
			app, channel, _ := strings.Cut(name, " ")
			names = append(names, protocol.ChannelName{App: app, Channel: channel})
		}
		got, err := l.LogTops(t.Context(), names)
		want := []protocol.LogTop{{}, {At: at, Closed: true}, {}, {}, {At: receipt.Positions[1]}, {}, {}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if meta, kind := l.bad("meta"), l.bad("type"); meta != 3 || kind != 1 {
			t.Errorf("counted %v times meta and %v times type, want 3 and 1", meta, kind)
		}
		if got, err := l.LogTops(t.Context(), nil); len(got) != 0 || err != nil {
			t.Errorf("of no logs: %v %v", got, err)
		}
	})
}

func TestNothingIsReadWithoutRedis(t *testing.T) {
	t.Parallel()
	l := newLogRig(t, "redis://127.0.0.1:1")
	if _, err := l.ReadLog(t.Context(), "1", "a", first); err == nil {
		t.Error("a page")
	}
	if _, err := l.LogTops(t.Context(), []protocol.ChannelName{{App: "1", Channel: "a"}}); err == nil {
		t.Error("a top")
	}
}
