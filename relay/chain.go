package relay

import (
	"context"
	"sync/atomic"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/feed"
)

// staleAfter is how long a log channel may not have been compared with its log
// before its readers are told so.
const staleAfter = 10 * time.Second

// admitAfter is how long a subscriber of a log channel waits for the channel to be heard.
const admitAfter = 2 * time.Second

// Log reads logs. Its methods wait for Redis.
type Log interface {
	// ReadLog returns a part of a log, which is empty where there is no log.
	// [protocol.ErrLogBroken] says that trying again is of no use.
	ReadLog(ctx context.Context, appID, channel string, start protocol.Start) (protocol.Page, error)
	// LogTops returns where each of the logs ends, in the order of names. With an error it may
	// still return some, and the rest as Unread.
	LogTops(ctx context.Context, names []protocol.ChannelName) ([]protocol.LogTop, error)
}

// chain is what a log channel has beside a live one: the feed continues the log, and
// the position at its end is compared with the log's. Guarded by channel.mu.
type chain struct {
	// rule is that of the time when the channel was opened. Static.
	rule *protocol.LogRule
	// blind is [Controls.WithoutResync].
	blind bool
	// known says that the feed has a position at all.
	known bool
	// closed says that the position is that of the log's final event.
	closed bool
	// grown counts the events that joined the feed.
	grown uint64
	// begun counts the comparisons, from 1, and compared is the last that was finished.
	begun, compared uint64
	// parked says that a reader waits for the next one.
	parked bool
	// verified is when the feed was last compared with the log.
	verified time.Time
	// stale says that it was not for too long. Written under channel.mu, read by anybody:
	// each reader is told by its worker when it changes.
	stale atomic.Bool
}

// extend adds an event to a log channel. What continues the feed is appended; after a
// hole the feed begins anew with the event, and its readers go by the log to get
// there. It says whether the log has to be asked which of the two is right. The
// caller holds mu.
func (ch *channel) extend(e protocol.Event, frame protocol.Frame) (suspect bool) {
	c, at := ch.chain, ch.feed.At()
	if c.blind {
		c.known = true
		ch.append(frame, e.Exclude, &e.Link.At)
		return false
	}
	switch {
	case c.known && follows(at, e.Link):
	case c.known && reached(at, e.Link):
		return at != e.Link.At // the same event again, or one that Redis no longer has
	default:
		ch.feed.Break(e.Link.Before())
		c.known = true
	}
	c.grown++
	c.closed = e.Link.Final != nil
	ch.append(frame, e.Exclude, &e.Link.At)
	return false
}

// pass takes note of an event that is not shown as it came: the feed begins anew behind it, and
// its readers go by the log to get there. Else it is as extend. The caller holds mu.
func (ch *channel) pass(l *protocol.Link) (suspect bool) {
	c, at := ch.chain, ch.feed.At()
	if c.known && reached(at, l) {
		return at != l.At
	}
	ch.feed.Break(l.At)
	c.known, c.closed = true, l.Final != nil
	c.grown++
	ch.rouse()
	return false
}

// follows says whether the event comes right behind a position. A log that is not
// there is continued by the first event of any.
func follows(at protocol.Position, l *protocol.Link) bool {
	return at.ID == l.Prev && (at.Epoch == l.At.Epoch || at == protocol.Position{})
}

// reached says whether a position is at or behind the event, by the offsets.
func reached(at protocol.Position, l *protocol.Link) bool {
	return at.Epoch == l.At.Epoch && at.ID.Offset >= l.At.ID.Offset
}

// comparison is what has to be known about a feed before its log is asked.
type comparison struct{ number, grown uint64 }

// ask begins a comparison, which compare finishes.
func (ch *channel) ask() comparison {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.chain.begun++
	return comparison{ch.chain.begun, ch.chain.grown}
}

// park makes a reader be roused after the next comparison, whose number it returns. With
// the number that it returned before it says whether that comparison is finished.
func (ch *channel) park(number uint64) (next uint64, compared bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c := ch.chain
	compared = number > 0 && c.compared >= number
	c.parked = c.parked || !compared
	return c.begun + 1, compared
}

// compare takes in where the log ends, and says whether the feed ends elsewhere. If that
// is sure, events were missed: the readers go by the log. Else they may be on their way,
// and nothing is done. Of a feed that has grown since the log was asked nothing can be
// said but that it is in use.
func (ch *channel) compare(top protocol.LogTop, asked comparison, sure bool) (differs bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c := ch.chain
	expired := c.closed && top.At == protocol.Position{}
	settled := c.grown == asked.grown && !expired && (!c.known || !c.blind)
	differs = settled && c.known && ch.feed.At() != top.At
	if differs && !sure {
		return true
	}
	if differs || !c.known {
		ch.feed.Break(top.At)
		c.known, c.parked = true, true
	}
	if settled {
		c.closed = top.Closed
	}
	ch.verified(asked.number)
	return differs
}

// verified notes that a comparison is finished. The caller holds mu.
func (ch *channel) verified(number uint64) {
	c := ch.chain
	c.compared = max(c.compared, number)
	c.verified = time.Now()
	if fresh := c.stale.Swap(false); c.parked || fresh {
		c.parked = false
		ch.rouse()
	}
}

// chainEnd is where the feed of a log channel ends.
type chainEnd struct {
	cursor        feed.Cursor
	at            protocol.Position
	known, closed bool // as in chain
}

func (ch *channel) end() chainEnd {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c := ch.chain
	return chainEnd{ch.feed.End(), ch.feed.At(), c.known, c.closed}
}

// age admits who has waited too long to be heard: the log may be readable all the same,
// and comparing finds what is not heard. It tells the readers when the channel was not
// compared for too long, and says whether they are told.
func (ch *channel) age(now time.Time) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if len(ch.waiting) > 0 && now.Sub(ch.waitingSince) >= admitAfter {
		ch.admitIf(func(*subscription) bool { return true })
	}
	c := ch.chain
	if now.Sub(c.verified) >= staleAfter && !c.stale.Swap(true) {
		ch.rouse()
	}
	return c.stale.Load()
}
