package relay

import (
	"sort"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/feed"
)

// page is a part of a log, encoded: frames, and word of what is missing between
// them. They are never changed, so any number of subscriptions may read it.
type page struct {
	channel *channel
	asked   protocol.Start    // for what
	from    protocol.Position // before the first frame
	top     protocol.Position // of the log, when it was read
	frames  feed.Frames
	more    bool            // the log goes on behind it
	final   *protocol.Final // what closed the log at top, where that is so and known
	// begun is the number of the read that brought it.
	begun uint64
	gaps  []protocol.GapReason
	// used is when somebody was given it the last time. Guarded by pages.mu.
	used time.Time
}

// newPage encodes what was read. Everything that does not continue what comes before
// it is preceded by a gap.
func newPage(ch *channel, read protocol.Page) *page {
	p := &page{channel: ch, from: read.From, top: read.Top, more: read.More, final: read.Final}
	p.frames = makeFrames(read.Entries)
	at := read.From
	if gap := read.Gap(); gap != nil {
		at = p.addGap(*gap)
	}
	for _, e := range read.Entries {
		if !follows(at, e.Link) {
			p.addGap(unavailable(at, e.Link.Before(), e.Link.At))
		}
		at = e.Link.At
		p.frames.Add(protocol.EncodeEvent(e), e.Exclude, at)
	}
	if len(read.Entries) > 0 && read.End != at {
		p.addGap(unavailable(at, read.End, protocol.Position{}))
	}
	return p
}

// newBrokenPage tells that there is something under the log's name that is no log. A
// reader that knows already is given nothing.
func newBrokenPage(ch *channel, start protocol.Start) *page {
	p := &page{channel: ch, from: start.Since}
	if start != (protocol.Start{Kind: protocol.StartSince}) {
		p.addGap(unavailable(start.Since, protocol.Position{}, protocol.Position{}))
	}
	return p
}

// unavailable is the gap in front of what can be read again.
func unavailable(from, after, resumeAt protocol.Position) protocol.Gap {
	missing := int64(-1)
	if from.Epoch == after.Epoch && after.ID.Offset > from.ID.Offset {
		missing = int64(after.ID.Offset - from.ID.Offset)
	}
	return protocol.Gap{Reason: protocol.GapUnavailable, From: from, After: after, ResumeAt: resumeAt, Missing: missing}
}

// makeFrames makes it likely that nothing has to be moved when the events are added.
func makeFrames(events []protocol.Event) feed.Frames {
	const beside = 112 // bytes of a frame, beside what is counted here
	size := 0
	for _, e := range events {
		size += len(e.Name) + len(e.Channel) + len(e.Data)*33/32 + beside
	}
	return feed.MakeFrames(len(events), size)
}

// addGap returns the position behind the gap. Where the event is missing that closes the log,
// the gap tells that it is closed, as live readers are told.
func (p *page) addGap(g protocol.Gap) protocol.Position {
	frame := g.Frame(p.channel.key.name)
	if p.final != nil && g.After == p.top {
		frame = append(frame, p.final.Frame(p.channel.key.name, p.top)...)
	}
	p.frames.Add(frame, "", g.After)
	p.gaps = append(p.gaps, g.Reason)
	return g.After
}

// find returns the index of the first frame behind a position; false where the
// position is not within the page or nothing comes behind it.
func (p *page) find(at protocol.Position) (next int, ok bool) {
	count := p.frames.Len()
	switch {
	case count == 0:
		return 0, false
	case at == p.from:
		return 0, p.frames.At(count-1) != at
	case at.ID.Offset > p.frames.At(count-1).ID.Offset:
		return 0, false
	}
	// Positions grow by their offsets, but for a reset in front.
	i := sort.Search(count, func(i int) bool { return p.frames.At(i).ID.Offset >= at.ID.Offset })
	for ; i < count && p.frames.At(i).ID.Offset == at.ID.Offset; i++ {
		if p.frames.At(i) == at {
			return i + 1, i+1 < count
		}
	}
	return 0, false
}
