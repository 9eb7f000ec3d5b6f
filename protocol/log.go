package protocol

import "errors"

// Link is an event's place in its channel's log.
type Link struct {
	At   Position // of the event
	Prev ID       // of the entry before it, the zero ID for the first
	Time int64    // when Redis took it, in ms since the epoch
	// Final is set on the event that closes the log.
	Final *Final
	// Sealed says that the log has other data than the event: sealed, or not masked yet. The
	// digests are over what it has.
	Sealed bool
	// Unreadable says that what the log has there cannot be read: the event tells no more than
	// its place, and readers are told a gap of one.
	Unreadable bool
	// Withheld says that readers are not to be shown the event as it is here: they take it from
	// the log.
	Withheld bool
}

// Before is the position of the entry before.
func (l *Link) Before() Position { return Position{l.At.Epoch, l.Prev} }

// Final is what a closed log holds, its last event included.
type Final struct {
	Entries int64  `json:"entries"`
	Lines   *int64 `json:"lines"`  // of output, as the publisher counted; nil when it did not
	Bytes   *int64 `json:"bytes"`  // likewise
	Digest  string `json:"digest"` // 40 hexadecimal digits, see docs/PROTOCOL.md
}

// Append says how an event joins its log.
type Append struct {
	// Begin says that the event begins something new: where the log is closed, a new
	// one takes its place. Without it nothing can be appended to a closed log.
	Begin bool
	// Epoch, if not empty, is the only epoch to append to: else [ErrLogGone].
	Epoch string
	// Final closes the log. Its Entries and Digest are the log's to say.
	Final *Final
}

// Receipt says what became of published events.
type Receipt struct {
	// Positions are those of the events, in their order; the zero Position for an
	// event on a live channel.
	Positions []Position
	// Watched says that somebody reads one of the log channels.
	Watched bool
	// Published is what was published in the place of the events, with what is to be masked
	// masked; nil where it is the events.
	Published []Event
}

// ChannelName names a channel over all apps.
type ChannelName struct{ App, Channel string }

// LogTop is where a log ends.
type LogTop struct {
	At     Position // of the newest entry, the zero Position where there is no log
	Closed bool     // that entry is final
	Unread bool     // nobody knows: its master in Redis is away
}

var (
	// ErrLogBroken means that what Redis has under the log's name is not a log.
	ErrLogBroken = errors.New("what Redis has under the name of the log is not a log")
	// ErrLogGone means that the log is not the one of [Append.Epoch] any more: Redis
	// lost it, it expired, or somebody began a new one.
	ErrLogGone = errors.New("the log is not the one of this epoch any more")
	// ErrFull means that Redis has no memory left for what is to be kept.
	ErrFull = errors.New("Redis is full, and keeps nothing more")
	// ErrNotReplicated means that the log has the event, but fewer replicas than its rule asks
	// for. Whoever publishes it again, by the same id, finds out whether they have it by then.
	ErrNotReplicated = errors.New("the log has the event, but not as many replicas as the rule asks for")
	// ErrLogClosed means that the log has its final event.
	ErrLogClosed = errors.New("the log is closed, only an event that begins a new one can follow")
)

// StartKind says in which way a [Start] is given.
type StartKind uint8

// The places where the reading of a log can start.
const (
	StartNow   StartKind = iota // behind the newest entry
	StartFirst                  // before the first entry
	StartSince                  // behind Start.Since
	StartCount                  // before the newest Start.N entries
	StartBytes                  // before the newest entries whose names and data take Start.N bytes, at least one
)

// Start is where the reading of a log starts.
type Start struct {
	Kind  StartKind
	Since Position
	N     int64
}

// Page is a part of a log, as one read found it.
type Page struct {
	// Top is the position of the newest entry, the zero Position where there is no log.
	Top Position
	// Closed says that Top is the final event, and Final what the log holds then; nil
	// where that can't be read.
	Closed bool
	Final  *Final
	// Oldest is the oldest entry that is retained, the zero ID where none is.
	Oldest ID
	// From is where the page starts: the position that was asked for, or the one that
	// a start by count, bytes or Now comes to. Where the entry before the first one is
	// not retained it is the beginning of the log.
	From Position
	// Entries follow From; each has a Link. Where the log does not continue From they
	// are the oldest that are retained. Where one does not follow the one before it, what
	// stands between them cannot be read.
	Entries []Event
	// Bad is how many in front of them could not be read. They are left out.
	Bad int
	// End is the position behind the page, where the next one starts; that of the last
	// entry, good or bad, and Top where none is left to read.
	End Position
	// More says that the log has entries behind End.
	More bool
}

// Runs cuts the page where one of its entries does not follow the one before it: into pages
// of which each has at most one gap, in front.
func (p Page) Runs() []Page {
	var runs []Page
	for i := 1; i < len(p.Entries); i++ {
		before, next := p.Entries[i-1].Link.At, p.Entries[i].Link
		if next.Prev == before.ID {
			continue
		}
		run := p
		run.Entries, run.End, run.More = p.Entries[:i], before, true
		runs = append(runs, run)
		p.From, p.Entries, i = before, p.Entries[i:], 0
		p.Bad = max(1, int(next.At.ID.Offset)-int(before.ID.Offset)-1)
	}
	return append(runs, p)
}

// GapReason says why a reader cannot be given what followed its position.
type GapReason string

// The reasons.
const (
	GapTrimmed     GapReason = "trimmed"     // the entries are not retained any more
	GapEpoch       GapReason = "epoch"       // the log is another one, or is not there any more
	GapRollback    GapReason = "rollback"    // the log ends before the position: Redis lost its newest entries
	GapFork        GapReason = "fork"        // Redis lost entries, and others took their offsets
	GapUnavailable GapReason = "unavailable" // entries that should be there can't be read
)

// Gap is told to a reader in the place of what it cannot be given.
type Gap struct {
	Reason GapReason
	From   Position // the reader's, before the gap
	// After is the reader's position behind the gap.
	After Position
	// ResumeAt is the position of the entry that comes next, the zero Position while
	// there is none.
	ResumeAt Position
	// Missing is how many entries are not given, -1 where nobody can know.
	Missing int64
	// Reset says that what follows is another history, from its first entry that is
	// retained: what was shown before is not a part of it.
	Reset bool
}

// Gap returns what a reader at p.From is not given by the page, nil where its
// entries continue From.
func (p Page) Gap() *Gap {
	from, top := p.From, p.Top
	switch {
	case top.Epoch == "":
		return p.lostLog()
	case from == top, from.Epoch == "" && top.ID == ID{}:
		return nil
	case from.Epoch != "" && from.Epoch != top.Epoch:
		return p.reset(GapEpoch)
	case from.ID.Offset > top.ID.Offset:
		return p.reset(GapRollback)
	case from.ID.Offset == top.ID.Offset:
		return p.reset(GapFork)
	case len(p.Entries) == 0:
		return p.trimmed(p.End, Position{}, int64(p.End.ID.Offset-from.ID.Offset))
	}
	first := p.Entries[0].Link
	switch {
	case first.Prev == from.ID:
		return nil
	case first.At.ID.Offset <= from.ID.Offset+1:
		return p.reset(GapFork)
	}
	return p.trimmed(first.Before(), first.At, int64(first.At.ID.Offset-from.ID.Offset-1))
}

// lostLog is the gap of a reader whose log is not there.
func (p Page) lostLog() *Gap {
	if p.From.ID == (ID{}) {
		return nil // nothing was shown of it
	}
	return &Gap{Reason: GapEpoch, From: p.From, Missing: -1, Reset: true}
}

func (p Page) reset(reason GapReason) *Gap {
	g := &Gap{Reason: reason, From: p.From, After: p.End, Missing: -1, Reset: true}
	if len(p.Entries) > 0 {
		first := p.Entries[0].Link
		g.After, g.ResumeAt = first.Before(), first.At
	}
	return g
}

func (p Page) trimmed(after, resumeAt Position, missing int64) *Gap {
	reason := GapTrimmed
	if p.Bad > 0 {
		reason = GapUnavailable
	}
	return &Gap{Reason: reason, From: p.From, After: after, ResumeAt: resumeAt, Missing: missing}
}
