package protocol

import "time"

// Version is a state of the roll of one channel. Epoch names one life of what Redis keeps
// of it; within an epoch N only grows. The zero Version is that of no state.
type Version struct {
	Epoch string
	N     int64
}

// Roll is what all nodes together know of a channel: its members, on a user's channel the
// user as the only one while signed in anywhere; and how many subscriptions it has.
type Roll struct {
	At      Version
	Members []Member
	// Count is how many subscriptions the channel has over all nodes; 0 on presence and
	// user channels, where nobody counts.
	Count int
	// Ended is the N of the version at which the user's connections were ended the last
	// time, 0 where that is not known.
	Ended int64
	// Settled says that who is missing has left. Otherwise Redis lost something, or was
	// away, and a node may be about to register its members again.
	Settled bool
}

// Change is one step of a roll, as Redis tells it to the nodes that read the channel.
// One of the last four is set.
type Change struct {
	At   Version // after the step
	Prev int64   // the N of the version before it, 0 for the first

	Joined *Member // a member that was none before
	Left   string  // the id of a member that is none any more, or ""
	Count  int     // of subscriptions; -1 in a change of another kind
	Ended  bool    // the connections of the channel's user are to be ended
}

// Cached is the last event of a cache channel. The zero value means that there is none.
type Cached struct {
	Event Event
	// TTL is for how long it is still kept.
	TTL time.Duration
}
