package relay

import (
	"cmp"
	"slices"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/feed"
)

// Deliver brings an event to all subscribers of its channel on this node. Events
// of one channel must come from one goroutine, or in an order that the caller
// keeps. It never waits for a client. The event leaves with the next Flush, at
// the latest.
func (h *Hub) Deliver(appID string, e protocol.Event) {
	ch := h.channel(appID, e.Channel)
	switch {
	case ch == nil:
		return
	case e.Change != nil:
		h.step(ch, *e.Change)
		return
	case e.Cached != nil:
		if ch.cached(*e.Cached) {
			h.config.Caches.AskCache(appID, e.Channel)
		}
		return
	}
	unreadable, withheld := e.Link != nil && e.Link.Unreadable, e.Link != nil && e.Link.Withheld
	if ch.chain == nil {
		e.Link = nil // somebody keeps a log of what is no log channel here
	}
	switch {
	case (unreadable || withheld) && e.Link == nil:
		return
	case unreadable:
		h.metrics.LogGaps.WithLabelValues(string(protocol.GapUnavailable)).Add(float64(ch.subscriptions()))
	case h.config.Jobs != nil:
		h.derive(ch, e)
	}
	if ch.deliver(e) {
		h.suspects.add(ch)
	}
	if h.budget.Used() > h.config.FeedMemory {
		h.relieve()
	}
}

// derive keeps the record that an event of a job is. Other nodes, and who has published it,
// derive the same one, with the same id.
func (h *Hub) derive(ch *channel, e protocol.Event) {
	position := ""
	if e.Link != nil {
		position = e.Link.At.String()
	}
	if r, ok := h.config.Jobs.Derive(ch.key.app, ch.key.name, e.Name, e.Data, position, time.Now()); ok {
		h.config.Auditor.Note(r)
	}
}

// Flush lets go what was delivered. Call it when no more is at hand: one wake-up of
// the workers then serves all events that came together.
func (h *Hub) Flush() {
	for _, w := range h.workers {
		w.flush()
	}
}

// Confirmed says that from now on Deliver is called with every event published
// on the channel.
func (h *Hub) Confirmed(appID, name string) {
	if ch := h.channel(appID, name); ch != nil {
		ch.confirm()
		if ch.chain != nil {
			h.suspects.add(ch)
		}
		if ch.roll != nil {
			h.config.Roster.Ask(appID, name, protocol.Version{})
		}
		if ch.cache != nil {
			h.config.Caches.AskCache(appID, name)
		}
		h.Flush()
	}
}

// Refused says that Redis does not let this node hear the channel, and ends the
// interest in it. Who waits for the channel is told so; who heard it before an
// interruption is told that something may be missing, and hears it again when the next
// subscriber makes Redis be asked.
func (h *Hub) Refused(appID, name string) {
	ch := h.channel(appID, name)
	if ch == nil {
		return
	}
	refused, empty := ch.refuse(time.Now())
	for _, s := range refused {
		h.metrics.Subscriptions.Dec()
		s.conn.refuse(s, protocol.ErrChannelRefused(name))
	}
	h.idleIf(ch, empty)
	h.Flush()
}

// Interrupted says that nothing is heard any more. New subscriptions wait; the
// broker confirms every watched channel again when it hears it, and the
// subscribers are then told that something may be missing.
func (h *Hub) Interrupted() {
	h.Flush()
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, ch := range h.channels {
		ch.mute()
	}
}

// reliefPause is the least time between two looks at all feeds.
const reliefPause = 50 * time.Millisecond

// relieve cuts the largest feeds until all together keep within the node's
// bound.
func (h *Hub) relieve() {
	now := int64(time.Since(h.start))
	if last := h.relieved.Load(); now-last < int64(reliefPause) || !h.relieved.CompareAndSwap(last, now) {
		return
	}
	for _, f := range h.largestFeeds() {
		if h.budget.Used() <= h.config.FeedMemory*3/4 {
			return
		}
		f.Cut(f.Footprint() / 4)
	}
}

// largestFeeds returns the feeds that hold memory, the largest first.
func (h *Hub) largestFeeds() []*feed.Feed {
	h.mu.RLock()
	defer h.mu.RUnlock()
	sizes := make(map[*feed.Feed]int)
	for _, ch := range h.channels {
		if n := ch.feed.Footprint(); n > 0 {
			sizes[ch.feed] = n
		}
	}
	feeds := make([]*feed.Feed, 0, len(sizes))
	for f := range sizes {
		feeds = append(feeds, f)
	}
	slices.SortFunc(feeds, func(a, b *feed.Feed) int { return cmp.Compare(sizes[b], sizes[a]) })
	return feeds
}
