package relay

import (
	"time"

	"buildrelay/protocol"
)

// Rolled takes a roll that was asked for. The roster calls it.
func (h *Hub) Rolled(appID, name string, n protocol.Roll) {
	ch := h.channel(appID, name)
	if ch == nil || ch.roll == nil {
		return
	}
	if ch.adopt(n) {
		h.config.Roster.Ask(appID, name, protocol.Version{})
	}
	h.Flush()
}

// Full says that the channel has all the members it may have, and the user is none of
// them. The roster calls it.
func (h *Hub) Full(appID, name, userID string) {
	ch := h.channel(appID, name)
	if ch == nil || ch.roll == nil {
		return
	}
	away, empty := ch.turnAway(userID)
	for _, s := range away {
		h.metrics.Subscriptions.Dec()
		s.conn.refuse(s, protocol.ErrMembersFull(name, ch.app.Load().Limits.Members))
	}
	h.idleIf(ch, empty)
}

// step takes a change of a roll that Redis told of, and asks for the roll where the change
// does not continue it.
func (h *Hub) step(ch *channel, c protocol.Change) {
	if ch.roll == nil {
		return
	}
	if !ch.follow(c) {
		h.config.Roster.Ask(ch.key.app, ch.key.name, protocol.Version{})
	}
}

// enter makes the connection one of a member's. The caller holds mu.
func (ch *channel) enter(m protocol.Member, c *Conn) {
	if ch.roll.arrive(m.ID, c) {
		ch.roster.Enter(ch.key.app, ch.key.name, m, ch.app.Load().Limits.Members)
	}
}

// exit takes back enter. The caller holds mu.
func (ch *channel) exit(id string, c *Conn) {
	if ch.roll.depart(id, c) {
		ch.roster.Leave(ch.key.app, ch.key.name, id)
	}
}

// turnAway ends the subscriptions of a member that wait, and returns them. One that was let
// in, since the user was there by another node then, stays: the roster is told anew.
func (ch *channel) turnAway(id string) (away []*subscription, empty bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for s := range ch.waiting {
		if s.member != nil && s.member.ID == id {
			delete(ch.waiting, s)
			ch.exit(id, s.conn)
			away = append(away, s)
		}
	}
	if len(ch.roll.here[id]) > 0 {
		ch.roster.Enter(ch.key.app, ch.key.name, protocol.Member{ID: id, Info: ch.roll.members[id]}, 0)
	}
	return away, len(away) > 0 && ch.empty(time.Now())
}

func (ch *channel) follow(c protocol.Change) (ok bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	s, ok := ch.roll.follow(c)
	ch.tell(s)
	return ok
}

func (ch *channel) adopt(n protocol.Roll) (askAgain bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	s, askAgain := ch.roll.adopt(n)
	ch.tell(s)
	ch.remind(n)
	return askAgain
}

// remind tells the roster again of what Redis has lost of this node, whoever took it. The
// caller holds mu.
func (ch *channel) remind(n protocol.Roll) {
	if !n.Settled {
		return // it is being told
	}
	there := make(map[string]bool, len(n.Members))
	for _, m := range n.Members {
		there[m.ID] = true
	}
	for id := range ch.roll.here {
		if info, was := ch.roll.members[id]; was && !there[id] {
			ch.roster.Enter(ch.key.app, ch.key.name, protocol.Member{ID: id, Info: info}, 0)
		}
	}
	if ch.counter != nil && n.Count < ch.live {
		ch.count()
	}
}

// tell tells the readers what has changed, and admits whom that concerns. The caller
// holds mu.
func (ch *channel) tell(s steps) {
	switch {
	case ch.user != nil:
		ch.user.tell(ch.roll, s)
	case ch.counter != nil:
		ch.counted(s.count)
	default:
		for _, m := range s.joined {
			ch.append(protocol.MemberAdded(ch.key.name, m), "", nil)
		}
		for _, id := range s.left {
			ch.append(protocol.MemberRemoved(ch.key.name, id), "", nil)
		}
	}
	ch.admit()
	ch.fret()
}
