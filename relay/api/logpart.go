package api

import "buildrelay/protocol"

// part is a piece of a log without holes: perhaps a gap, then entries of which each
// follows the one before it.
type part struct {
	page    protocol.Page // that it was taken from
	gap     *protocol.Gap
	entries []protocol.Event
	// next is the position of a reader who has the part.
	next protocol.Position
}

// newPart is a page from its beginning on, at most limit entries of it.
func newPart(page protocol.Page, limit int) part {
	p := part{page: page, gap: page.Gap(), entries: page.Entries, next: page.From}
	p.entries = p.entries[:min(limit, len(p.entries))]
	switch {
	case len(p.entries) > 0:
		p.next = p.entries[len(p.entries)-1].Link.At
	case p.gap != nil:
		p.next = p.gap.After
	}
	return p
}

// atTop says that the log has nothing behind the part.
func (p part) atTop() bool { return p.next == p.page.Top }

// ended says that nothing will follow the part either.
func (p part) ended() bool { return p.page.Closed && p.atTop() }

// empty says that there is nothing to tell.
func (p part) empty() bool { return p.gap == nil && len(p.entries) == 0 }

// until drops what lies behind a position of the same log.
func (p part) until(last protocol.Position) part {
	if p.next.ID.Offset > last.ID.Offset {
		p.entries, p.next = before(p.entries, last.ID.Offset+1), last
	}
	return p
}

// before returns the entries whose offsets are lower.
func before(entries []protocol.Event, offset uint64) []protocol.Event {
	for len(entries) > 0 && entries[len(entries)-1].Link.At.ID.Offset >= offset {
		entries = entries[:len(entries)-1]
	}
	return entries
}
