package protocol_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// at is a position in the log that these tests read; ids of one offset differ in the
// nonce.
func at(offset uint64, nonce uint32) protocol.Position {
	return protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: offset, Nonce: nonce}}
}

// entry is an event at offset, whose nonce is the offset, like that of the one before.
func entry(offset uint64) protocol.Event {
	return protocol.Event{Link: &protocol.Link{At: at(offset, uint32(offset)), Prev: at(offset-1, uint32(offset-1)).ID}}
}

// Each row of the table of gaps: what a reader is told who stands at from.
func TestAGapSaysWhatAPageDoesNotGive(t *testing.T) {
	const other = "fedcba9876543210"
	top := at(9, 9)
	full := protocol.Page{Top: top, Oldest: at(1, 1).ID, Entries: []protocol.Event{entry(1), entry(2)}, End: at(2, 2), More: true}
	from7 := protocol.Page{Top: top, Oldest: at(7, 7).ID, Entries: []protocol.Event{entry(7), entry(8)}, End: at(8, 8), More: true}
	expired := protocol.Page{Top: top, End: top}
	bad := protocol.Page{Top: top, Oldest: at(1, 1).ID, Entries: []protocol.Event{entry(7)}, Bad: 2, End: at(7, 7)}
	onlyBad := protocol.Page{Top: top, Oldest: at(1, 1).ID, Bad: 3, End: at(7, 7), More: true}
	onlyBadFirst := protocol.Page{Top: top, Oldest: at(1, 1).ID, Bad: 3, End: at(3, 3), More: true}

	tests := []struct {
		name string
		page protocol.Page
		from protocol.Position
		want *protocol.Gap
	}{
		{"from the beginning", full, at(0, 0), nil},
		{"from the beginning of what was no log", full, protocol.Position{}, nil},
		{"goes on", from7, at(6, 6), nil},
		{"at the top", expired, top, nil},
		{"no log, nothing shown", protocol.Page{}, protocol.Position{}, nil},
		{"no log, nothing shown of one that was", protocol.Page{}, at(0, 0), nil},
		{
			"the log is gone",
			protocol.Page{},
			at(5, 5),
			&protocol.Gap{Reason: protocol.GapEpoch, Missing: -1, Reset: true},
		},
		{
			"another log", full,
			protocol.Position{Epoch: other, ID: at(5, 5).ID},
			&protocol.Gap{Reason: protocol.GapEpoch, After: at(0, 0), ResumeAt: at(1, 1), Missing: -1, Reset: true},
		},
		{
			"another log, nothing shown yet", full,
			protocol.Position{Epoch: other},
			&protocol.Gap{Reason: protocol.GapEpoch, After: at(0, 0), ResumeAt: at(1, 1), Missing: -1, Reset: true},
		},
		{
			"another log, which is trimmed", from7,
			protocol.Position{Epoch: other, ID: at(5, 5).ID},
			&protocol.Gap{Reason: protocol.GapEpoch, After: at(6, 6), ResumeAt: at(7, 7), Missing: -1, Reset: true},
		},
		{
			"another log, of which nothing is retained", expired,
			protocol.Position{Epoch: other, ID: at(5, 5).ID},
			&protocol.Gap{Reason: protocol.GapEpoch, After: top, Missing: -1, Reset: true},
		},
		{
			"another log, whose first page is bad", onlyBadFirst,
			protocol.Position{Epoch: other, ID: at(5, 5).ID},
			&protocol.Gap{Reason: protocol.GapEpoch, After: at(3, 3), Missing: -1, Reset: true},
		},
		{
			"the log ends before", full,
			at(10, 10),
			&protocol.Gap{Reason: protocol.GapRollback, After: at(0, 0), ResumeAt: at(1, 1), Missing: -1, Reset: true},
		},
		{
			"another entry at the top", full,
			at(9, 1),
			&protocol.Gap{Reason: protocol.GapFork, After: at(0, 0), ResumeAt: at(1, 1), Missing: -1, Reset: true},
		},
		{
			"another entry in the middle", full,
			at(5, 1),
			&protocol.Gap{Reason: protocol.GapFork, After: at(0, 0), ResumeAt: at(1, 1), Missing: -1, Reset: true},
		},
		{
			"another entry right before what is retained", from7,
			at(6, 1),
			&protocol.Gap{Reason: protocol.GapFork, After: at(6, 6), ResumeAt: at(7, 7), Missing: -1, Reset: true},
		},
		{
			"trimmed", from7,
			at(4, 4),
			&protocol.Gap{Reason: protocol.GapTrimmed, After: at(6, 6), ResumeAt: at(7, 7), Missing: 2},
		},
		{
			"trimmed before the first was read", from7,
			protocol.Position{},
			&protocol.Gap{Reason: protocol.GapTrimmed, After: at(6, 6), ResumeAt: at(7, 7), Missing: 6},
		},
		{
			"all is trimmed", expired,
			at(4, 4),
			&protocol.Gap{Reason: protocol.GapTrimmed, After: top, Missing: 5},
		},
		{
			"entries that can't be read", bad,
			at(4, 4),
			&protocol.Gap{Reason: protocol.GapUnavailable, After: at(6, 6), ResumeAt: at(7, 7), Missing: 2},
		},
		{
			"nothing can be read", onlyBad,
			at(4, 4),
			&protocol.Gap{Reason: protocol.GapUnavailable, After: at(7, 7), Missing: 3},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.page.From = test.from
			if test.want != nil {
				test.want.From = test.from
			}
			if diff := cmp.Diff(test.want, test.page.Gap()); diff != "" {
				t.Errorf("gap (-want +got):\n%s", diff)
			}
		})
	}
}

// A page that has holes is taken in pieces by who wants no holes.
func TestAPageIsCutAtItsHoles(t *testing.T) {
	page := func(from uint64, bad int, end uint64, more bool, entries ...uint64) protocol.Page {
		p := protocol.Page{Top: at(9, 9), From: at(from, uint32(from)), Bad: bad, End: at(end, uint32(end)), More: more}
		for _, offset := range entries {
			p.Entries = append(p.Entries, entry(offset))
		}
		return p
	}
	tests := map[string]struct {
		page protocol.Page
		want []protocol.Page
	}{
		"nothing":         {page(1, 0, 9, false), []protocol.Page{page(1, 0, 9, false)}},
		"one":             {page(1, 7, 9, false, 9), []protocol.Page{page(1, 7, 9, false, 9)}},
		"no hole":         {page(1, 0, 4, true, 2, 3, 4), []protocol.Page{page(1, 0, 4, true, 2, 3, 4)}},
		"a hole in front": {page(1, 2, 5, true, 4, 5), []protocol.Page{page(1, 2, 5, true, 4, 5)}},
		"a hole in it":    {page(1, 0, 9, false, 2, 3, 8, 9), []protocol.Page{page(1, 0, 3, true, 2, 3), page(3, 4, 9, false, 8, 9)}},
		"holes everywhere": {page(1, 1, 8, true, 3, 5, 8), []protocol.Page{
			page(1, 1, 3, true, 3), page(3, 1, 5, true, 5), page(5, 2, 8, true, 8),
		}},
		"a hole behind the first": {page(1, 0, 4, true, 2, 4), []protocol.Page{page(1, 0, 2, true, 2), page(2, 1, 4, true, 4)}},
	}
	for name, test := range tests {
		got := test.page.Runs()
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, run := range got[1:] {
			if gap := run.Gap(); gap == nil || gap.Reason != protocol.GapUnavailable || gap.Missing != int64(run.Bad) {
				t.Errorf("%s: the gap is %+v, of %d", name, gap, run.Bad)
			}
		}
	}
}
