package relay

import (
	"time"

	"buildrelay/protocol"
)

const (
	// manySubscriptions is from where on a channel's readers are told less often how many
	// they are, and manyPause the time between (protocol.md 2.3).
	manySubscriptions = 100
	manyPause         = 5 * time.Second
	// countPatience is how long a new reader waits for a change before it is told the
	// count that has not changed.
	countPatience = time.Second
)

// counter tells the readers of a channel how many subscriptions it has. Guarded by
// channel.mu.
type counter struct {
	// count is what Redis told last, 0 before that.
	count int
	// told is what the readers were told last, and toldAt when.
	told   int
	toldAt time.Time
	// joined is when the first reader joined that was told nothing, zero if there is none.
	joined time.Time
}

// due says whether the readers are to be told now.
func (c *counter) due(now time.Time) bool {
	switch {
	case c.count == 0:
		return false
	case c.count > manySubscriptions && now.Sub(c.toldAt) < manyPause:
		return false
	case c.count != c.told:
		return true
	default:
		return !c.joined.IsZero() && now.Sub(c.joined) >= countPatience
	}
}

// waits says whether the readers may have to be told later.
func (c *counter) waits() bool { return c.count > 0 && c.count != c.told || !c.joined.IsZero() }

// counted takes a count, -1 for none, and tells the readers if that is due. The caller
// holds mu.
func (ch *channel) counted(count int) {
	c := ch.counter
	if count >= 0 {
		c.count = count
	}
	if now := time.Now(); c.due(now) {
		c.told, c.toldAt, c.joined = c.count, now, time.Time{}
		ch.append(protocol.SubscriptionCount(ch.key.name, c.count), "", nil)
	}
}

// count tells the roster how many subscriptions there are. Members and users are counted
// by themselves. The caller holds mu.
func (ch *channel) count() {
	if ch.kind.Presence() || ch.kind == protocol.User {
		return
	}
	ch.roster.Count(ch.key.app, ch.key.name, ch.live)
}
