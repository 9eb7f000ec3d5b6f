package relay

import (
	"slices"
	"sync"

	"buildrelay/protocol"
)

// watchlist is the users that a connection wants to see come and go.
type watchlist struct {
	// Static.
	conn *Conn
	ids  []string

	// channels are those of the users. Owned by the connection's reader.
	channels []*channel

	mu     sync.Mutex
	online map[string]bool // of those of whom it is known
}

// watch makes the connection one that watches users, if the app has that.
func (c *Conn) watch(user protocol.SignedUser) *protocol.Error {
	app := c.app.Load()
	if !app.Watchlists || len(user.Watchlist) == 0 {
		return nil
	}
	c.watching = &watchlist{conn: c, ids: user.Watchlist, online: make(map[string]bool)}
	for _, id := range user.Watchlist {
		ch := c.hub.hold(c, id, func(ch *channel) { ch.watch(c.watching) })
		c.watching.channels = append(c.watching.channels, ch)
	}
	if user.Cut {
		return protocol.ErrWatchlist(app.Limits.Watchlist)
	}
	return nil
}

// watch adds a watcher. The caller holds mu.
func (ch *channel) watch(w *watchlist) {
	ch.user.watchers[w] = struct{}{}
	ch.user.tell(ch.roll, steps{})
}

func (h *Hub) unwatch(w *watchlist) {
	for _, ch := range w.channels {
		h.letGo(ch, func(ch *channel) { delete(ch.user.watchers, w) })
	}
}

// tell tells the client whether a user is online: of all together once all are known,
// then of each change.
func (w *watchlist) tell(id string, online bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, known := w.online[id]
	w.online[id] = online
	switch {
	case !known && len(w.online) == len(w.ids):
		w.push(w.ids)
	case known && was != online && len(w.online) == len(w.ids):
		w.push([]string{id})
	}
}

// push sends what is known of some users.
func (w *watchlist) push(ids []string) {
	on := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !w.online[id] })
	off := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return w.online[id] })
	w.conn.push(protocol.WatchlistEvents(on, off))
}
