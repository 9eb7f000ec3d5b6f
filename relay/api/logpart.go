package api

import (
	"slices"

	"buildrelay/protocol"
)

// part is a piece of a log without holes: perhaps a gap, then entries of which each
// follows the one before it.
type part struct {
	page    protocol.Page // that it was taken from
	gap     *protocol.Gap
	entries []protocol.Event
	// next is the position of a reader who has the part.
	next protocol.Position
}

// forwards takes from the beginning of a page, at most limit entries.
func forwards(page protocol.Page, limit int) part {
	p := part{page: page, gap: page.Gap(), next: page.From}
	end := 0
	for end < min(limit, len(page.Entries)) && (end == 0 || follows(page.Entries, end)) {
		end++
	}
	p.entries = page.Entries[:end]
	switch {
	case end > 0:
		p.next = p.entries[end-1].Link.At
	case p.gap != nil:
		p.next = p.gap.After
	}
	return p
}

// backwards takes from the end of a page, at most limit of its entries before an
// offset.
func backwards(page protocol.Page, before uint64, limit int) part {
	p := part{page: page}
	end := len(page.Entries)
	for end > 0 && page.Entries[end-1].Link.At.ID.Offset >= before {
		end--
	}
	start := end
	for start > max(0, end-limit) && (start == end || follows(page.Entries, start)) {
		start--
	}
	p.entries = page.Entries[start:end]
	switch {
	case start == 0:
		p.gap = page.Gap()
	case start < end && !follows(page.Entries, start):
		p.gap = hole(page.Entries[start-1].Link, page.Entries[start].Link)
	}
	if start < end {
		p.next = p.entries[len(p.entries)-1].Link.At
	}
	return p
}

// follows says whether entry i is the next one after the entry before it.
func follows(entries []protocol.Event, i int) bool {
	return entries[i].Link.Prev == entries[i-1].Link.At.ID
}

// hole is the gap between two entries of a page.
func hole(before, behind *protocol.Link) *protocol.Gap {
	return &protocol.Gap{
		Reason:   protocol.GapUnavailable,
		From:     before.At,
		After:    protocol.Position{Epoch: behind.At.Epoch, ID: behind.Prev},
		ResumeAt: behind.At,
		Missing:  int64(behind.Prev.Offset - before.At.ID.Offset),
	}
}

// atTop says that the log has nothing behind the part.
func (p part) atTop() bool { return p.next == p.page.Top }

// ended says that nothing will follow the part either.
func (p part) ended() bool { return p.page.Closed && p.atTop() }

// empty says that there is nothing to tell.
func (p part) empty() bool { return p.gap == nil && len(p.entries) == 0 }

// until drops what lies behind a position of the same log.
func (p part) until(last protocol.Position) part {
	if p.next.ID.Offset <= last.ID.Offset {
		return p
	}
	end, _ := slices.BinarySearchFunc(p.entries, last.ID.Offset+1, func(e protocol.Event, offset uint64) int {
		return int(int64(e.Link.At.ID.Offset) - int64(offset))
	})
	p.entries, p.next = p.entries[:end], last
	return p
}
