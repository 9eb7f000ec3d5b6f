package relay

import (
	"context"
	"fmt"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

// confirmTimeout is how long the reader waits at the most until a grant is recorded.
const confirmTimeout = 3 * time.Second

// grant is what the records of a subscription need that had to be authorized. A subscription
// without records has none.
type grant struct {
	to audit.Entity
	at time.Time
}

// confirm records that a subscription is granted, and says if it may not be, since that was
// not possible. It may wait, and holds no lock meanwhile.
func (c *Conn) confirm(s *subscription, app *auth.App, request protocol.Subscribe) *protocol.Error {
	if !c.recordsOf(request.Channel) {
		return nil
	}
	s.grant = &grant{to: c.actor(), at: time.Now()}
	if s.member != nil {
		s.grant.to = person(*s.member)
	}
	r := c.subscriptionRecord(audit.ActionSubscriptionGrant, request.Channel, s.grant.to, audit.SubscriptionGrant{
		Channel: audit.Clean(request.Channel), SocketID: c.id, From: startOf(app, request),
	})
	ctx, cancel := context.WithTimeout(context.Background(), confirmTimeout)
	defer cancel()
	if c.trace.auditor.Confirm(ctx, r) != nil {
		return protocol.ErrUnrecorded(request.Channel)
	}
	return nil
}

// recordsOf says whether subscriptions to a channel are recorded: not those to what anybody
// may read.
func (c *Conn) recordsOf(channel string) bool {
	return c.trace != nil && protocol.KindOf(channel).NeedsAuth()
}

// noteDenied notes that the client may not subscribe to a channel. actor is who wanted to.
func (c *Conn) noteDenied(channel string, actor audit.Entity, why *protocol.Error) {
	cause := causeOf(why)
	r := c.subscriptionRecord(audit.ActionSubscriptionDeny, channel, actor, audit.SubscriptionDeny{
		Channel: audit.Clean(channel), SocketID: c.id, Code: why.Code, Reason: cause, Count: 1,
	})
	r.Success = false
	c.trace.auditor.Refused(r, cause, c.trace.facts.IP())
}

// noteEnd notes that a subscription has ended, where its grant was noted. It is called once:
// by the worker where the subscription was its, else by who ended it.
func (s *subscription) noteEnd() {
	if s.grant == nil {
		return
	}
	channel := s.channel.key.name
	s.conn.trace.auditor.Note(s.conn.subscriptionRecord(audit.ActionSubscriptionEnd, channel, s.grant.to, audit.SubscriptionEnd{
		Channel: audit.Clean(channel), SocketID: s.conn.id, Seconds: elapsed(s.grant.at), Position: s.reached(),
	}))
}

// reached is the position behind what the transport was given last; "" where there is none.
func (s *subscription) reached() string {
	if s.replay == nil || !s.replay.placed {
		return ""
	}
	return s.replay.at.String()
}

func (c *Conn) subscriptionRecord(action, channel string, actor audit.Entity, payload any) audit.Record {
	r := c.record(action, payload)
	name := audit.Clean(channel)
	r.Actor, r.Target = actor, audit.Entity{ID: name, Type: "channel", Name: name}
	return r
}

// startOf says from where a log is read, in the words of the records; "" is from now on, or no
// log.
func startOf(app *auth.App, request protocol.Subscribe) string {
	rule := app.Logs.Find(request.Channel)
	if rule == nil {
		return ""
	}
	start := rule.Replay
	if request.Start != nil {
		start = *request.Start
	}
	switch start.Kind {
	case protocol.StartFirst:
		return "the start"
	case protocol.StartSince:
		return start.Since.String()
	case protocol.StartCount:
		return fmt.Sprintf("the newest %d entries", start.N)
	case protocol.StartBytes:
		return fmt.Sprintf("the newest %d bytes", start.N)
	default:
		return ""
	}
}
