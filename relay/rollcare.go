package relay

import (
	"time"

	"buildrelay/protocol"
)

const (
	// askEvery is how often a roll is asked for that nothing seems to be wrong with;
	// askBatch is how many rolls are asked for in a second.
	askEvery = 10 * time.Second
	askBatch = 100
)

// rollCare is the sweeper's care for rolls. Owned by the sweeper.
type rollCare struct {
	// turn are the channels whose rolls are to be asked for, and since when they stand in
	// line.
	turn  []*channel
	since time.Time
}

// ageRolls asks for rolls that may not be what Redis has: at once where something is
// known to be wrong, the others in turn. It tells counts that had to wait.
func (h *Hub) ageRolls(now time.Time) {
	asks := askBatch
	for _, ch := range h.restless.take() {
		ask, again := ch.calm(asks > 0)
		if ask {
			asks--
			h.config.Roster.Ask(ch.key.app, ch.key.name, protocol.Version{})
		}
		if again && h.channel(ch.key.app, ch.key.name) == ch {
			h.restless.add(ch)
		}
	}
	h.askInTurn(now, asks)
	h.Flush()
}

// askInTurn asks for so many of the rolls whose turn it is.
func (h *Hub) askInTurn(now time.Time, asks int) {
	c := &h.rollCare
	if len(c.turn) == 0 && now.Sub(c.since) >= askEvery {
		c.turn, c.since = h.rollChannels(), now
	}
	for ; asks > 0 && len(c.turn) > 0; asks-- {
		ch := c.turn[0]
		c.turn = c.turn[1:]
		if known, heard := ch.known(); heard && h.channel(ch.key.app, ch.key.name) == ch {
			h.config.Roster.Ask(ch.key.app, ch.key.name, known)
		}
	}
}

// fret makes the sweeper look after the channel, if it has to. The caller holds mu.
func (ch *channel) fret() {
	if ch.inDoubt() || ch.counter != nil && ch.counter.waits() {
		ch.restless.add(ch)
	}
}

// inDoubt says whether something is wrong with the copy of the roll. The caller holds mu.
func (ch *channel) inDoubt() bool {
	return ch.roll != nil && ch.heard && (ch.roll.differs || !ch.roll.current)
}

// calm tells a count that had to wait, and says whether the roll is to be asked for, if it
// may be, and whether to look again.
func (ch *channel) calm(mayAsk bool) (ask, again bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	waits := false
	if ch.counter != nil {
		ch.counted(-1)
		waits = ch.counter.waits()
	}
	return mayAsk && ch.inDoubt(), ch.inDoubt() || waits
}

// known returns the version of the copy, the zero Version where it is in doubt.
func (ch *channel) known() (at protocol.Version, heard bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.inDoubt() {
		return protocol.Version{}, true
	}
	return ch.roll.at, ch.heard
}

// rollChannels returns the channels that have a roll.
func (h *Hub) rollChannels() []*channel {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var found []*channel
	for _, ch := range h.channels {
		if ch.roll != nil {
			found = append(found, ch)
		}
	}
	return found
}
