package relay

import (
	"sort"

	"buildrelay/protocol"
)

// page is a part of a log, encoded: frames, and word of what is missing between
// them. It is never changed, so any number of subscriptions may read it.
type page struct {
	channel *channel
	asked   protocol.Start    // for what
	from    protocol.Position // before the first frame
	top     protocol.Position // of the log, when it was read
	frames  []pageFrame
	buf     []byte
	more    bool            // the log goes on behind it
	final   *protocol.Final // what closed the log at top, where that is so and known
	// begun is the number of the read that brought it.
	begun uint64
	gaps  []protocol.GapReason
}

type pageFrame struct {
	end     int               // where it ends in buf; it starts where the one before ends
	at      protocol.Position // of a reader behind it
	exclude string
}

// newPage encodes what was read. Everything that does not continue what comes before
// it is preceded by a gap.
func newPage(ch *channel, read protocol.Page) *page {
	p := &page{channel: ch, from: read.From, top: read.Top, more: read.More, final: read.Final}
	p.makeRoom(read.Entries)
	at := read.From
	if gap := read.Gap(); gap != nil {
		at = p.addGap(*gap)
	}
	for _, e := range read.Entries {
		if !follows(at, e.Link) {
			p.addGap(unavailable(at, protocol.Position{Epoch: e.Link.At.Epoch, ID: e.Link.Prev}, e.Link.At))
		}
		at = e.Link.At
		p.add(protocol.EncodeEvent(e), at, e.Exclude)
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

// makeRoom makes it likely that nothing has to be moved when the events are added.
func (p *page) makeRoom(events []protocol.Event) {
	const beside = 112 // bytes of a frame, beside what is counted here
	size := 0
	for _, e := range events {
		size += len(e.Name) + len(e.Channel) + len(e.Data)*33/32 + beside
	}
	p.buf = make([]byte, 0, size)
	p.frames = make([]pageFrame, 0, len(events))
}

func (p *page) add(frame protocol.Frame, at protocol.Position, exclude string) {
	p.buf = append(p.buf, frame...)
	p.frames = append(p.frames, pageFrame{len(p.buf), at, exclude})
}

func (p *page) addGap(g protocol.Gap) protocol.Position {
	p.add(g.Frame(p.channel.key.name), g.After, "")
	p.gaps = append(p.gaps, g.Reason)
	return g.After
}

// find returns the index of the first frame behind a position; false where the
// position is not within the page or nothing comes behind it.
func (p *page) find(at protocol.Position) (next int, ok bool) {
	if at == p.from {
		return 0, len(p.frames) > 0 && p.frames[len(p.frames)-1].at != at
	}
	if len(p.frames) == 0 || at.ID.Offset > p.frames[len(p.frames)-1].at.ID.Offset {
		return 0, false
	}
	// Positions grow by their offsets, but for a reset in front.
	i := sort.Search(len(p.frames), func(i int) bool { return p.frames[i].at.ID.Offset >= at.ID.Offset })
	for ; i < len(p.frames) && p.frames[i].at.ID.Offset == at.ID.Offset; i++ {
		if p.frames[i].at == at {
			return i + 1, i+1 < len(p.frames)
		}
	}
	return 0, false
}

// read returns frames from next on that lie side by side, at most limit bytes but at
// least one, without those that self must not get, and the index behind them.
func (p *page) read(next, limit int, self string) (run []byte, frames, behind int) {
	for next < len(p.frames) && p.frames[next].exclude == self {
		next++
	}
	start := p.start(next)
	for behind = next; behind < len(p.frames); behind++ {
		f := p.frames[behind]
		if f.exclude == self || behind > next && f.end-start > limit {
			break
		}
	}
	return p.buf[start:p.start(behind):p.start(behind)], behind - next, behind
}

func (p *page) start(i int) int {
	if i == 0 {
		return 0
	}
	return p.frames[i-1].end
}

// size is the memory that the page takes, in bytes.
func (p *page) size() int { return cap(p.buf) + 64*cap(p.frames) }
