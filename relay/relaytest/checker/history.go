package checker

import (
	"time"

	"buildrelay/protocol"
)

// History is all that is known about a run.
type History struct {
	Calls []Call
	Logs  []Log // one for each channel that was written to
	Views []View
	// Faults are what was done to the parts, in the order of time.
	Faults []Fault
	// Renews says that logs may give way to new ones: Redis was killed and had nothing on
	// disk, or they were closed and begun anew.
	Renews bool
	// Rewinds says that the faults make Redis lose the newest of what it acknowledged.
	Rewinds bool
	// Trims says that the logs are longer than what is retained of them.
	Trims bool
}

// Outcome is what a writer knows of an append.
type Outcome uint8

// The outcomes.
const (
	Unknown Outcome = iota // there was no answer: it may stand in the log
	OK                     // it stands in the log
	Failed                 // it was refused: it does not stand in the log
)

// Call is one append, with all its retries.
type Call struct {
	Line    Line
	Outcome Outcome
	At      protocol.Position // of an OK call
	Invoked time.Time         // when the first try began
	Ended   time.Time         // when the outcome was known
	// Tries is how often it was tried, Slowest the time that the longest try took. Again
	// says that an earlier try had been heard, though not answered.
	Tries   int
	Slowest time.Duration
	Again   bool
}

// Log is what Redis holds of a channel's log in the end.
type Log struct {
	Channel string
	Top     protocol.Position // as the log's meta data tells it
	Closed  bool
	Entries []protocol.Event // each with a Link
}

// View is what one reader was shown of one channel.
type View struct {
	Reader, Channel string
	// Slow says that the reader reads slowly on purpose: how late something comes
	// says nothing then.
	Slow   bool
	Sights []Sight
}

// Kind says what a [Sight] is.
type Kind string

// The kinds.
const (
	// Subscribed is subscription_succeeded. Start says what had been asked for, or
	// what the channel's rule replays.
	Subscribed Kind = "subscribed"
	Position   Kind = "position" // relay:position
	Entry      Kind = "entry"    // an event of the log
	GapTold    Kind = "gap"      // relay:gap
	FinalTold  Kind = "final"    // relay:final
	Stale      Kind = "stale"    // relay:stale
	Fresh      Kind = "fresh"    // relay:fresh
	Other      Kind = "other"    // anything else on the channel, such as relay:lost
	Cut        Kind = "cut"      // the connection ended
)

// Sight is one thing that a reader saw.
type Sight struct {
	Kind Kind
	Time time.Time
	// At is the frame's relay member, the zero Position if it has none.
	At    protocol.Position
	Start protocol.Start  // of Subscribed
	Asked time.Time       // of Subscribed: when the reader asked for it
	Data  string          // of Entry and Other
	Gap   *protocol.Gap   // of GapTold
	Final *protocol.Final // of FinalTold
	Own   bool            // of Cut: the reader ended it
}

// Fault is something that was done to the parts.
type Fault struct {
	Name string
	// Begun is when it was done; from Over on nothing of it was left: Redis could be
	// reached again.
	Begun, Over time.Time
}
