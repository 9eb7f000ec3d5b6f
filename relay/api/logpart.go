package api

import "buildrelay/protocol"

// part is a piece of a log.
type part struct {
	page protocol.Page // that it was taken from
	runs []run         // at least one, until they are told
	// next is the position of a reader who has the part.
	next protocol.Position
}

// run is a piece of a log without holes: perhaps a gap, then entries of which each
// follows the one before it.
type run struct {
	gap     *protocol.Gap
	entries []protocol.Event
}

// newPart is all of a page.
func newPart(page protocol.Page) part {
	p := part{page: page}
	for _, whole := range page.Runs() {
		p.runs = append(p.runs, run{whole.Gap(), whole.Entries})
	}
	p.next = p.runs[len(p.runs)-1].end(page.From)
	return p
}

// first is the first run of a part, at most limit entries of it.
func (p part) first(limit int) part {
	r := p.runs[0]
	r.entries = r.entries[:min(limit, len(r.entries))]
	p.runs, p.next = []run{r}, r.end(p.page.From)
	return p
}

// end is the position of a reader who has the run, and was at from before it.
func (r run) end(from protocol.Position) protocol.Position {
	switch {
	case len(r.entries) > 0:
		return r.entries[len(r.entries)-1].Link.At
	case r.gap != nil:
		return r.gap.After
	default:
		return from
	}
}

// atTop says that the log has nothing behind the part.
func (p part) atTop() bool { return p.next == p.page.Top }

// ended says that nothing will follow the part either.
func (p part) ended() bool { return p.page.Closed && p.atTop() }

// empty says that there is nothing to tell.
func (p part) empty() bool {
	return len(p.runs) == 1 && p.runs[0].gap == nil && len(p.runs[0].entries) == 0
}

// until drops what lies behind a position of the same log.
func (p part) until(last protocol.Position) part {
	if p.next.ID.Offset <= last.ID.Offset {
		return p
	}
	end := len(p.runs) - 1
	for end > 0 && p.runs[end].gap.From.ID.Offset >= last.ID.Offset {
		end--
	}
	p.runs[end].entries = before(p.runs[end].entries, last.ID.Offset+1)
	p.runs, p.next = p.runs[:end+1], last
	return p
}

// before returns the entries whose offsets are lower.
func before(entries []protocol.Event, offset uint64) []protocol.Event {
	for len(entries) > 0 && entries[len(entries)-1].Link.At.ID.Offset >= offset {
		entries = entries[:len(entries)-1]
	}
	return entries
}
