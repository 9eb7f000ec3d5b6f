package api

import (
	"context"

	"buildrelay/protocol"
)

// spare is how many entries more than wanted are read backwards, at the least: where
// to start is counted from the end of the log, which may have moved meanwhile.
const spare = 50

// readBefore reads the last entries before a place, at most limit. Logs are read
// forwards only, but offsets have no holes: so it starts early enough to come to
// the place, and tries from less far away where one read does not reach it.
func (a *API) readBefore(ctx context.Context, c *call, before place, limit int) (part, error) {
	now, err := a.readLog(ctx, c, protocol.Start{Kind: protocol.StartNow})
	if err != nil {
		return part{}, err
	}
	for n := max(uint64(limit), spare); ; {
		place := before.in(now.Top)
		if gap := place.elsewhere(now.Top); gap != nil {
			return part{page: now, gap: gap}, nil
		}
		end := place.at.ID.Offset
		page, err := a.readLog(ctx, c, protocol.Start{Kind: protocol.StartCount, N: int64(now.Top.ID.Offset + 1 - end + n)})
		switch {
		case err != nil:
			return part{}, err
		case page.Top.Epoch != now.Top.Epoch || page.From.ID.Offset >= end:
			now = page // the end has moved far away, or is another log's
		case page.More && page.End.ID.Offset < end && n > 1:
			n /= 2
		default:
			return place.take(page, limit), nil
		}
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

// take takes what comes before the place from a page that reaches it.
func (b place) take(page protocol.Page, limit int) part {
	for _, e := range page.Entries {
		if at := e.Link.At.ID; !b.end && at.Offset == b.at.ID.Offset && at != b.at.ID {
			return part{page: page, gap: b.lost(protocol.GapFork, page.Top)}
		}
	}
	p := backwards(page, b.at.ID.Offset, limit)
	if b.end && len(p.entries) == 0 {
		p.next = page.Top
	}
	return p
}

func (b place) lost(reason protocol.GapReason, top protocol.Position) *protocol.Gap {
	return &protocol.Gap{Reason: reason, From: b.at, After: top, Missing: -1, Reset: true}
}
