package api

import (
	"context"

	"buildrelay/protocol"
)

const (
	// spare is how many entries are read backwards at the least: where to start is
	// counted from the end of the log, which may have moved meanwhile.
	spare = 50
	// maxBackwards is how many bytes of names and data a page backwards has at the most,
	// about what one forwards has, but for a single entry.
	maxBackwards = 256 << 10
)

// readBefore reads the last entries before a place, at most limit. Logs are read
// forwards only, but their offsets have no holes: so it starts that much earlier
// and keeps what comes last.
func (a *API) readBefore(ctx context.Context, c *call, wanted place, limit int) (part, error) {
	page, err := a.readLog(ctx, c, protocol.Start{Kind: protocol.StartNow})
	if err != nil {
		return part{}, err
	}
	for {
		here := wanted.in(page.Top)
		if gap := here.elsewhere(page.Top); gap != nil {
			return part{page: page, runs: []run{{gap: gap}}}, nil
		}
		end := here.at.ID.Offset
		count := page.Top.ID.Offset + 1 - end + uint64(max(limit, spare))
		page, err = a.readLog(ctx, c, protocol.Start{Kind: protocol.StartCount, N: int64(count)})
		switch {
		case err != nil:
			return part{}, err
		case page.Top.Epoch == here.at.Epoch && page.From.ID.Offset < end:
			return a.collect(ctx, c, page, here, limit)
		}
		// Meanwhile the end has moved far away, or is another log's.
	}
}

// collect goes forwards from a page on up to a place.
func (a *API) collect(ctx context.Context, c *call, page protocol.Page, here place, limit int) (part, error) {
	var r run
	for {
		if here.isForked(page.Entries) {
			return part{page: page, runs: []run{{gap: here.lost(protocol.GapFork, page.Top)}}}, nil
		}
		r.extend(page, here.at.ID.Offset, limit)
		if !page.More || page.End.ID.Offset >= here.at.ID.Offset {
			break
		}
		var err error
		page, err = a.readLog(ctx, c, protocol.Start{Kind: protocol.StartSince, Since: page.End})
		if err != nil {
			return part{}, err
		}
		if page.Top.Epoch != here.at.Epoch {
			return part{page: page, runs: []run{{gap: here.lost(protocol.GapEpoch, page.Top)}}}, nil
		}
	}
	p := part{page: page, runs: []run{r}}
	switch {
	case len(r.entries) > 0:
		p.next = r.end(page.From)
	case here.end:
		p.next = page.Top
	}
	return p, nil
}

// extend adds what a page has before an offset, and drops what is in front of a hole, or
// too much there. A gap between the entries so far and the offset is that of the page
// behind it.
func (r *run) extend(page protocol.Page, end uint64, limit int) {
	for _, whole := range page.Runs() {
		if whole.From.ID.Offset >= end {
			break
		}
		more := before(whole.Entries, end)
		if gap := whole.Gap(); gap != nil && (len(more) > 0 || len(r.entries) == 0) {
			r.gap, r.entries = gap, nil
		}
		r.entries = append(r.entries, more...)
	}
	r.keepLast(limit)
}

// keepLast drops the first entries where there are more than limit, or than a page has.
func (r *run) keepLast(limit int) {
	start, size := len(r.entries), 0
	for start > 0 && len(r.entries)-start < limit {
		e := r.entries[start-1]
		size += len(e.Name) + len(e.Data)
		if size > maxBackwards && start < len(r.entries) {
			break
		}
		start--
	}
	if start > 0 {
		r.gap, r.entries = nil, r.entries[start:]
	}
}

// in is the place as a position of the log that ends at top.
func (b place) in(top protocol.Position) place {
	switch {
	case b.end:
		b.at = protocol.Position{Epoch: top.Epoch, ID: protocol.ID{Offset: top.ID.Offset + 1}}
	case b.at.Epoch == "":
		b.at.Epoch = top.Epoch
	}
	return b
}

// elsewhere is the gap of a place that the log does not have.
func (b place) elsewhere(top protocol.Position) *protocol.Gap {
	switch {
	case b.at.Epoch != top.Epoch:
		return b.lost(protocol.GapEpoch, top)
	case b.at.ID.Offset > top.ID.Offset && !b.end:
		return b.lost(protocol.GapRollback, top)
	default:
		return nil
	}
}

// isForked says that the entries have another one in this place.
func (b place) isForked(entries []protocol.Event) bool {
	for _, e := range entries {
		if at := e.Link.At.ID; at.Offset == b.at.ID.Offset && at != b.at.ID {
			return !b.end
		}
	}
	return false
}

func (b place) lost(reason protocol.GapReason, top protocol.Position) *protocol.Gap {
	return &protocol.Gap{Reason: reason, From: b.at, After: top, Missing: -1, Reset: true}
}
