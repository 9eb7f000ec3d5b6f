package relay

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/feed"
)

// channelKey names a channel over all apps.
type channelKey struct{ app, name string }

// channel is a channel that has, or had a moment ago, a subscriber on this node.
type channel struct {
	// Static.
	key    channelKey
	kind   protocol.Kind
	roster Roster
	// occurrences is nil where nobody is told.
	occurrences Occurrences
	// restless are the channels that the sweeper looks after.
	restless *waitlist[*channel]
	feed     *feed.Feed

	// Static; what is in them is guarded by mu.

	// chain is nil on a live channel.
	chain *chain
	// roll is nil where the roster tells nothing; counter and user are beside it where it
	// is one of subscriptions or of a user.
	roll    *roll
	counter *counter
	user    *userChannel
	// cache is nil on a channel whose last event is not kept.
	cache *cache

	// app is set under Hub.mu: its settings can be replaced. What the channel is stays.
	app atomic.Pointer[auth.App]

	mu sync.Mutex
	// heard says that the broker's interest is confirmed: from now on nothing
	// that is published is missed.
	heard bool
	// missed says that the channel was heard once and then was not: what was
	// published meanwhile is gone.
	missed bool
	// refused says that the interest in the channel has ended, since it was refused.
	refused bool
	// waiting are the subscriptions made while the channel was not heard, and
	// waitingSince is when the first of them was made.
	waiting      map[*subscription]struct{}
	waitingSince time.Time
	// live is how many subscriptions read the feed.
	live int
	// held counts those who are interested in a user's channel without reading it.
	held int
	// shards hold the readers, one shard for every worker that has some.
	shards []*shard
	// emptySince is when the last subscription went; zero while there are any.
	emptySince time.Time
}

func newChannel(key channelKey, app *auth.App, h *Hub) *channel {
	ch := &channel{
		key: key, kind: protocol.KindOf(key.name),
		roster: h.config.Roster, occurrences: h.config.Occurrences, restless: h.restless, feed: feed.New(&h.budget),
	}
	ch.app.Store(app)
	if app.TellsRoll(key.name) {
		ch.roll = newRoll()
		switch {
		case ch.kind == protocol.User:
			ch.user = newUserChannel(key.name)
		case !ch.kind.Presence():
			ch.counter = &counter{}
		}
	}
	if ch.kind.Cache() && h.config.Caches != nil {
		ch.cache = &cache{}
	}
	return ch
}

// add takes a new subscription. It becomes live as soon as it can. The caller holds mu.
func (ch *channel) add(s *subscription) {
	ch.emptySince = time.Time{}
	if s.member != nil {
		ch.enter(*s.member, s.conn)
	}
	if ch.ready(s) {
		ch.join(s)
		ch.count()
		return
	}
	if len(ch.waiting) == 0 {
		ch.waiting, ch.waitingSince = make(map[*subscription]struct{}), time.Now()
	}
	ch.waiting[s] = struct{}{}
}

// ready says whether s can become live: the channel is heard, what a new reader is told is
// known, and a member is on the roll. The caller holds mu.
func (ch *channel) ready(s *subscription) bool {
	return ch.heard && (ch.cache == nil || ch.cache.known) && (s.member == nil || ch.roll.has(s.member.ID))
}

// admit makes those who wait live, if they are ready. The caller holds mu.
func (ch *channel) admit() { ch.admitIf(ch.ready) }

func (ch *channel) admitIf(may func(*subscription) bool) {
	before := ch.live
	for s := range ch.waiting {
		if may(s) {
			delete(ch.waiting, s)
			ch.join(s)
		}
	}
	if len(ch.waiting) == 0 {
		ch.waiting = nil
	}
	if ch.live > before {
		ch.count()
	}
}

// join makes s a reader from the feed's end on. The caller holds mu, so no
// frame can come between.
func (ch *channel) join(s *subscription) {
	ch.live++
	sh := ch.shardOf(s.conn.worker)
	s.shard = sh
	s.cursor = ch.feed.End()
	ch.introduce(s)
	sh.joining++
	sh.worker.post(task{kind: taskJoin, sub: s})
}

// introduce adds to the prelude of s what a new reader is told of the channel. The caller
// holds mu.
func (ch *channel) introduce(s *subscription) {
	now := time.Now()
	if s.member != nil {
		s.prelude = ch.roll.list(ch.key.name)
	}
	if ch.cache != nil {
		last := ch.cache.last(now)
		if last == nil {
			last = protocol.CacheMiss(ch.key.name)
			ch.note(protocol.Occurrence{Kind: protocol.HookCacheMiss})
		}
		s.prelude = append(s.prelude, last...)
	}
	if ch.counter != nil && ch.counter.joined.IsZero() {
		ch.counter.joined = now
		ch.fret()
	}
}

// remove ends a subscription. It says whether there was one, and whether the
// channel has none left.
func (ch *channel) remove(s *subscription, now time.Time) (removed, empty bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	_, waits := ch.waiting[s]
	delete(ch.waiting, s)
	if s.shard != nil {
		ch.live--
		s.shard.worker.post(task{kind: taskLeave, sub: s})
		ch.count()
	}
	if s.member != nil {
		ch.exit(s.member.ID, s.conn)
	}
	return waits || s.shard != nil, ch.empty(now)
}

// confirm makes the channel heard: who waits becomes live, and who was live
// before an interruption is told that something may be missing. A log channel has to
// be compared with its log instead.
func (ch *channel) confirm() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.heard = true
	if ch.missed && ch.chain == nil {
		ch.append(protocol.Lost(ch.key.name, -1), "", nil)
	}
	ch.missed = false
	ch.doubt()
	ch.fret()
	ch.admit()
}

// doubt makes what is known of the channel be asked for anew. The caller holds mu.
func (ch *channel) doubt() {
	if ch.roll != nil {
		ch.roll.current = false
	}
	if ch.cache != nil {
		ch.cache.known = false
	}
}

// mute notes that the broker hears the channel no longer.
func (ch *channel) mute() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.missed = ch.missed || ch.heard
	ch.heard = false
	ch.doubt()
}

// refuse ends the subscriptions that wait and returns them. It says whether the channel
// has none left.
func (ch *channel) refuse(now time.Time) (refused []*subscription, empty bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.heard, ch.missed, ch.refused = false, false, true
	ch.doubt()
	ch.append(protocol.Lost(ch.key.name, -1), "", nil)
	refused = slices.Collect(maps.Keys(ch.waiting))
	ch.waiting = nil
	for _, s := range refused {
		if s.member != nil {
			ch.exit(s.member.ID, s.conn)
		}
	}
	return refused, ch.empty(now)
}

// retry says whether Redis has to be asked again for a channel that was refused.
func (ch *channel) retry() (was bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	was, ch.refused = ch.refused, false
	return was
}

// empty notes since when the channel has no subscription. The caller holds mu.
func (ch *channel) empty(now time.Time) bool {
	if ch.live > 0 || len(ch.waiting) > 0 || ch.held > 0 {
		return false
	}
	ch.emptySince = now
	return true
}

// deliver appends an event. It says whether a log channel has to be compared with its
// log. On a log channel an event that is not from the log is delivered in between.
func (ch *channel) deliver(e protocol.Event) (suspect bool) {
	var frame protocol.Frame
	withheld := e.Link != nil && e.Link.Withheld
	if !withheld {
		frame = protocol.EncodeEvent(e)
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if withheld {
		return ch.pass(e.Link)
	}
	if e.Link != nil {
		return ch.extend(e, frame)
	}
	ch.append(frame, e.Exclude, nil)
	if ch.cache != nil && !protocol.IsClientEvent(e.Name) {
		ch.keep(frame)
	}
	return false
}

// append adds a frame; the workers see to it when they are flushed. A channel
// without readers keeps nothing, but for the position that it comes to. The caller
// holds mu.
func (ch *channel) append(frame protocol.Frame, exclude string, at *protocol.Position) {
	if len(ch.shards) > 0 {
		ch.feed.Append(frame, exclude, at)
		ch.rouse()
	} else if at != nil {
		ch.feed.Break(*at)
	}
}

// rouse makes the workers look at the feed when they are flushed. The caller holds mu.
func (ch *channel) rouse() {
	for _, sh := range ch.shards {
		if !sh.marked {
			sh.marked = true
			sh.worker.put(task{kind: taskDue, shard: sh})
		}
	}
}

// subscriptions is how many subscriptions have succeeded.
func (ch *channel) subscriptions() int {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.live
}

// idle says whether the channel has no subscription, and whether it had none
// since the given time.
func (ch *channel) idle(since time.Time) (empty, long bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	empty = !ch.emptySince.IsZero()
	return empty, empty && !ch.emptySince.After(since)
}

// shardOf returns the readers that w owns, a new shard when there are none yet.
// The caller holds mu.
func (ch *channel) shardOf(w *worker) *shard {
	for _, sh := range ch.shards {
		if sh.worker == w {
			return sh
		}
	}
	sh := &shard{channel: ch, worker: w, low: ch.feed.End()}
	ch.shards = append(ch.shards, sh)
	return sh
}

// trim forgets the frames that no reader needs. The caller holds mu.
func (ch *channel) trim() {
	low := ch.feed.End()
	for _, sh := range ch.shards {
		low = min(low, sh.low)
	}
	ch.feed.Trim(low)
}
