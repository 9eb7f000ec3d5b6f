package relay

import (
	"slices"
	"time"

	"buildrelay/relay/feed"
)

// shard is the readers of one channel that belong to one worker.
//
// The worker brings them up to date in passes: it marks all of them as due,
// then serves them a few at a time, in turn with other shards. After a pass the
// shard cools for a flush window, and what comes meanwhile is sent together.
type shard struct {
	// Static.
	channel *channel
	worker  *worker

	// Guarded by channel.mu.

	// joining counts joins that the worker has not seen yet. Their cursors are
	// at least low, so low stays while there are any.
	joining int
	// marked says that the worker was told of frames and has begun no pass since.
	marked bool
	// low is a cursor that no reader is behind.
	low feed.Cursor

	// Owned by the worker.

	readers []*subscription
	// lagging are the readers that a pass could not bring up to date.
	lagging []*subscription
	// state and dirty: a dirty shard has frames that no pass has looked at.
	state   shardState
	dirty   bool
	started time.Time
	// next is the reader that the pass serves next, end the feed's end when the
	// pass began.
	next int
	end  feed.Cursor
}

type shardState uint8

const (
	shardIdle    shardState = iota
	shardActive             // in a pass, in worker.passes
	shardCooling            // in worker.cooling
	shardRetired            // without readers, no longer in its channel
)

func (sh *shard) join(s *subscription) {
	s.place = len(sh.readers)
	sh.readers = append(sh.readers, s)
	sh.lag(s)
	sh.channel.mu.Lock()
	sh.joining--
	sh.channel.mu.Unlock()
}

// leave removes s and returns the reader that took its place, nil when none did.
func (sh *shard) leave(s *subscription) (moved *subscription) {
	last := len(sh.readers) - 1
	if s.place != last {
		moved = sh.readers[last]
		sh.readers[s.place] = moved
		moved.place = s.place
	}
	sh.readers[last] = nil
	sh.readers = sh.readers[:last]
	sh.catchUp(s)
	if last == 0 {
		sh.retire()
	}
	return moved
}

// retire takes an empty shard out of its channel, unless a reader is on its way.
func (sh *shard) retire() {
	ch := sh.channel
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if sh.joining > 0 {
		return
	}
	ch.shards = slices.DeleteFunc(ch.shards, func(other *shard) bool { return other == sh })
	sh.state = shardRetired
	ch.trim()
}

// begin starts a pass: every reader is due.
func (sh *shard) begin(now time.Time) {
	sh.state, sh.dirty, sh.started, sh.next = shardActive, false, now, 0
	sh.channel.mu.Lock()
	sh.marked = false
	sh.end = sh.channel.feed.End()
	sh.channel.mu.Unlock()
	for _, s := range sh.readers {
		s.conn.setDue(s)
	}
}

// settle lets the feed forget what all readers have. It is called when no run
// of the feed is in use by the worker.
func (sh *shard) settle() {
	low := sh.end
	for _, s := range sh.lagging {
		low = min(low, s.cursor)
	}
	sh.channel.mu.Lock()
	defer sh.channel.mu.Unlock()
	if sh.joining == 0 && sh.state != shardRetired {
		sh.low = max(sh.low, low)
		sh.channel.trim()
	}
}

// lag notes that s has not read everything.
func (sh *shard) lag(s *subscription) {
	if s.lag < 0 {
		s.lag = len(sh.lagging)
		sh.lagging = append(sh.lagging, s)
	}
}

// catchUp notes that s has read everything, and says whether it had lagged.
func (sh *shard) catchUp(s *subscription) bool {
	if s.lag < 0 {
		return false
	}
	last := len(sh.lagging) - 1
	moved := sh.lagging[last]
	sh.lagging[s.lag] = moved
	moved.lag = s.lag
	sh.lagging[last] = nil
	sh.lagging = sh.lagging[:last]
	s.lag = -1
	return true
}
