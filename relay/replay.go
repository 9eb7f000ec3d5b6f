package relay

import (
	"cmp"

	"buildrelay/protocol"
)

// replay is a subscription's way through a log: it reads pages until the feed
// continues where it is, then the feed; and pages again when it fell off the feed, or
// the feed broke. Owned by the connection's worker.
type replay struct {
	state replayState
	// start is where the client, or the rule for one that did not say, wants to start.
	start protocol.Start
	// told says that the client is told where it is: it is one that resumes.
	told bool
	// top is where the log ended when the place was found, final what closed it there.
	top   protocol.Position
	final *protocol.Final

	// at is the position of the subscription: what was read last.
	at protocol.Position
	// page, while there is one, is read from the frame next on.
	page *page
	next int
	// begun is how many reads had begun when a page was asked for.
	begun uint64
	// placed says that its place in the log was found, and that the client knows.
	placed bool
	// stale says that the client was told that the channel is.
	stale bool
	// idle says that the newest page had nothing, though the feed is elsewhere.
	idle bool
	// parked, where not 0, is the comparison that s waits for, beside the feed.
	parked uint64
}

type replayState uint8

const (
	replayNew     replayState = iota // has not started
	replayWaiting                    // for a page
	replayReading                    // a page, or, while page is nil, is about to
	replaySeeking                    // looks for its position in the feed
	replayLive                       // reads the feed
)

// replayFrom makes s one of a log channel. It starts where the client wants, or where the
// rule has stock clients start.
func (s *subscription) replayFrom(wanted protocol.Subscribe) {
	s.replay = &replay{start: s.channel.chain.rule.Replay, told: wanted.TellPosition}
	if wanted.Start != nil {
		s.replay.start = *wanted.Start
	}
	if wanted.StartError != nil {
		s.prelude = append(wanted.StartError.Frame(), s.prelude...)
	}
}

// readLog is read for a subscription of a log channel.
func (w *worker) readLog(s *subscription, limit int) (p []byte, frames int) {
	r := s.replay
	if r.state == replayNew {
		w.start(s)
	}
	if r.state == replayReading && r.page == nil {
		w.nextPage(s)
	}
	if p, frames = s.opening(); frames > 0 {
		s.conn.setDue(s) // for what comes behind
		return p, frames
	}
	if r.state == replaySeeking {
		w.seek(s)
	}
	switch r.state {
	case replayReading:
		return w.readPage(s, limit)
	case replayLive:
		return w.readFeed(s, limit)
	default:
		return nil, 0
	}
}

// start places a subscription: where the feed ends, or before a page that is kept. Else
// a page has to be read.
func (w *worker) start(s *subscription) {
	r := s.replay
	end := s.channel.end()
	since := r.start.Kind == protocol.StartSince
	atEnd := r.start.Kind == protocol.StartNow || since && r.start.Since == end.at
	switch {
	case !end.known, end.at.Epoch == "", atEnd && end.closed: // what closed it is in the page
		w.ask(s, r.start)
	case atEnd:
		s.cursor = end.cursor
		r.at, r.top, r.state = end.at, end.at, replayLive
	case since && r.start.Since.Epoch == end.at.Epoch:
		r.at, r.top = r.start.Since, end.at
		w.nextPage(s)
	case r.start.Kind == protocol.StartFirst:
		w.firstPage(s, end.at)
	default:
		w.ask(s, r.start)
	}
}

// firstPage is nextPage for who starts before everything.
func (w *worker) firstPage(s *subscription, top protocol.Position) {
	kept := w.pages.first(s.channel, top.Epoch)
	if kept == nil {
		w.ask(s, s.replay.start)
		return
	}
	s.replay.at, s.replay.top = kept.from, top
	w.turnTo(s, kept, 0)
}

// ask asks for a page. From now on the feed is kept for s: so what comes behind the
// end of a page that is read later is in the feed.
func (w *worker) ask(s *subscription, start protocol.Start) {
	r := s.replay
	r.state, r.page = replayWaiting, nil
	s.pin()
	r.begun = w.pages.ask(s, start)
}

// nextPage goes on from the position of s: in a page that is kept, or one to be read.
func (w *worker) nextPage(s *subscription) {
	r := s.replay
	kept, next := w.pages.get(s.channel, r.at)
	if kept == nil {
		w.ask(s, protocol.Start{Kind: protocol.StartSince, Since: r.at})
		return
	}
	w.turnTo(s, kept, next)
}

// turnTo gives s a page that is kept. Meanwhile the feed is kept for it.
func (w *worker) turnTo(s *subscription, kept *page, next int) {
	r := s.replay
	r.page, r.next, r.state = kept, next, replayReading
	if s.lag < 0 || !r.placed {
		s.pin()
	}
}

// pin makes the feed be kept for s from its end on.
func (s *subscription) pin() {
	s.cursor = s.channel.end().cursor
	s.shard.lag(s)
}

// receive takes a page that was asked for.
func (w *worker) receive(s *subscription, p *page) {
	r := s.replay
	if s.left.Load() || s.conn.parted || r.state != replayWaiting {
		return
	}
	if !r.placed {
		r.at, r.top, r.final = p.from, p.top, p.final
	}
	r.page, r.next, r.state = p, 0, replayReading
	for _, reason := range p.gaps {
		w.metrics.LogGaps.WithLabelValues(string(reason)).Inc()
	}
	s.conn.setDue(s)
	w.enqueue(s.conn)
}

// opening returns what is to come before anything else of a subscription: that it
// succeeded, where it is, and how well the channel is known. While its place is not found
// there is nothing to tell, but where nobody knows when it will be: then that is said.
func (s *subscription) opening() (p []byte, frames int) {
	r, stale := s.replay, s.channel.chain.stale.Load()
	found := r.state != replayWaiting
	if s.prelude != nil && (found || stale) {
		p, frames, s.prelude = s.prelude, 1, nil
	}
	if found && !r.placed {
		r.placed = true
		if r.told {
			where, n := s.where()
			p, frames = append(p, where...), frames+n
		}
	}
	// Who came while it was stale gets the end of the log as it is when it can be read: until
	// then it is fresh to nobody who waits for that.
	if s.prelude == nil && r.stale != stale && (stale || r.placed) {
		r.stale = stale
		notice := protocol.Fresh(s.channel.key.name)
		if stale {
			notice = protocol.Stale(s.channel.key.name)
		}
		p, frames = append(p, notice...), frames+1
	}
	return p, frames
}

// where tells the client its place. One that comes back to the end of a closed log may have
// missed that it is closed.
func (s *subscription) where() (p []byte, frames int) {
	r, name := s.replay, s.channel.key.name
	p, frames = append(p, protocol.PositionFrame(name, r.at, r.top)...), 1
	if r.final != nil && r.at == r.top {
		p, frames = append(p, r.final.Frame(name, r.at)...), 2
	}
	return p, frames
}

// readPage returns frames of the page. At its end comes the next one, or the feed.
func (w *worker) readPage(s *subscription, limit int) (run []byte, frames int) {
	r := s.replay
	run, frames, r.next = r.page.frames.Run(r.next, limit, s.conn.id)
	if r.next > 0 {
		r.at = r.page.frames.At(r.next - 1)
	}
	if r.next == r.page.frames.Len() {
		r.idle = r.next == 0 && r.page.begun > r.begun
		r.state = replaySeeking
		if r.page.more {
			r.state = replayReading
		}
		r.page = nil
	}
	s.conn.setDue(s)
	return run, frames
}

// seek looks for the position of s in the feed. Where the feed has not come to it s
// waits there: a page can be ahead of what is published. Where the feed is elsewhere
// another page is needed, unless that was just tried: then, too, s waits. But not longer
// than until the next comparison: Redis may have lost what the page had, and the next
// page tells so.
func (w *worker) seek(s *subscription) {
	r := s.replay
	if w.controls.WithoutSeek {
		r.state = replayLive
		return
	}
	if cursor, ok := s.channel.feed.Seek(s.cursor, r.at); ok {
		s.cursor, r.state, r.idle, r.parked = cursor, replayLive, false, 0
		return
	}
	end := s.channel.end()
	ahead := end.known && end.at.Epoch == r.at.Epoch && end.at.ID.Offset < r.at.ID.Offset
	if ahead || r.idle || !end.known {
		next, compared := s.channel.park(r.parked)
		if !compared {
			if r.parked == 0 && !ahead {
				w.suspects.add(s.channel)
			}
			r.parked = cmp.Or(r.parked, next)
			s.cursor = end.cursor
			w.caughtUp(s)
			return
		}
	}
	r.idle, r.parked = false, 0
	w.nextPage(s)
}

// readFeed returns frames of the feed. Who lost some goes by pages again.
func (w *worker) readFeed(s *subscription, limit int) (run []byte, frames int) {
	r := s.replay
	read := s.channel.feed.Read(s.cursor, limit, s.conn.id)
	if read.Lost > 0 {
		r.state = replayReading
		s.conn.setDue(s)
		return nil, 0
	}
	r.at = read.At
	w.advance(s, read)
	return read.Bytes, read.Frames
}
