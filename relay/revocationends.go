package relay

import (
	"context"
	"slices"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// Revoke takes in a revocation. From now on what it takes back counts no more where clients come
// with it, and the connections that stand on it are closed at once: their clients come again, and
// have to ask again. One that is known does nothing. It never blocks.
func (h *Hub) Revoke(r Revocation) {
	if h.config.Revocations.add(r) {
		h.revoking.add(r)
	}
}

// CatchUp takes in what was revoked and is kept as of a time of Redis' clock, in its microseconds: all
// are known then that were told before. A node that could not look for longer than they are kept
// has missed some. Then nobody knows of any connection what became of what it stands on, so all who had
// to be let in come again, spread over ReconnectWindow. It never blocks, and is called by one
// goroutine at a time.
func (h *Hub) CatchUp(asOf int64, kept []Revocation) {
	fresh, missed, back := h.config.Revocations.catchUp(asOf, kept)
	h.revoking.add(fresh...)
	if !missed && !back {
		return
	}
	conns := slices.DeleteFunc(h.all(), func(c *Conn) bool { return !c.standsOnLost(missed) })
	h.metrics.AuthorizationsRevoked.Add(float64(len(conns)))
	h.reconnects.add(protocol.ErrDecisionRevoked(), conns...)
}

// standsOnLost says whether the connection stands on what nobody knows whether it was revoked.
func (c *Conn) standsOnLost(missed bool) bool {
	known := c.hub.config.Revocations
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.signedIn.by != nil && known.lost(c.signedIn.decision, missed) {
		return true
	}
	for name, s := range c.subscriptions {
		if s.by != nil && protocol.KindOf(name).NeedsAuth() && known.lost(s.decision, missed) {
			return true
		}
	}
	return false
}

// revoke closes the connections until ctx ends.
func (h *Hub) revoke(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.revoking.wake:
		}
		all := h.revoking.take()
		for _, c := range h.all() {
			if c.standsOn(all) && c.end(protocol.ErrDecisionRevoked()) {
				h.metrics.AuthorizationsRevoked.Inc()
			}
		}
	}
}

// standsOn says whether the connection stands on a decision that one of these takes back.
func (c *Conn) standsOn(all []Revocation) bool {
	app := c.app.Load().ID
	c.mu.Lock()
	defer c.mu.Unlock()
	user := c.signedIn.userID
	for _, r := range all {
		if c.signedIn.by != nil && r.covers(app, "") && r.takes(c.signedIn.decision, user) {
			return true
		}
		for name, s := range c.subscriptions {
			if r.covers(app, name) && s.takenBack(r, name, user) {
				return true
			}
		}
	}
	return false
}

// takenBack says whether a revocation that covers the channel takes the subscription back; user is
// who is signed in. Where nobody has to be let in nobody's decision was asked for, and a user's
// channel stands on having signed in.
func (s *subscription) takenBack(r Revocation, channel, user string) bool {
	users := make([]string, 0, 3)
	if user != "" {
		users = append(users, user)
	}
	if s.member != nil {
		users = append(users, s.member.ID)
	}
	if s.decision != nil && s.decision.User != "" {
		users = append(users, s.decision.User)
	}
	return protocol.KindOf(channel).NeedsAuth() && r.takes(s.decision, users...)
}

// closeOutdated closes a connection whose client shows a decision that was taken back since. It
// comes again a second later: where a node decides that has not heard of it yet, it would come without
// end.
func (c *Conn) closeOutdated(app, channel string, d *auth.Decision) bool {
	outdated := c.hub.config.Revocations.Outdated(app, channel, d)
	if outdated && c.end(protocol.ErrDecisionOutdated()) {
		c.hub.metrics.AuthorizationsRevoked.Inc()
	}
	return outdated
}
