package relay

import (
	"math"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

// trace is what the records of a connection need. A connection without records has none.
type trace struct {
	// Static.
	auditor Auditor
	facts   Facts
	opened  time.Time

	// Guarded by Conn.mu.

	// code and why are how the relay, or the client, ended the connection.
	code int
	why  string

	// Set by the reader before the worker is told that the client is gone.

	user *protocol.Member

	// Owned by the worker.

	// bytes and messages were handed to the transport; dropped were lost to a slow reader.
	bytes, messages, dropped int64
}

// record begins a record of the connection's.
func (c *Conn) record(action string, payload any) audit.Record {
	r := audit.New(time.Now(), action, payload)
	r.Scope, r.Metadata = ScopeOf(c.app.Load().ID), c.trace.facts.Metadata()
	r.Actor, r.Target, r.Request.ID = c.entity(), c.entity(), c.id
	return r
}

// entity is the connection as records have it.
func (c *Conn) entity() audit.Entity { return audit.Entity{ID: c.id, Type: "connection"} }

// actor is who does what the connection does: who signed in, or the connection. It is the
// reader's.
func (c *Conn) actor() audit.Entity { return c.actorOr(c.user) }

func (c *Conn) actorOr(user *protocol.Member) audit.Entity {
	if user == nil {
		return c.entity()
	}
	return person(*user)
}

// person is a user as records have one. What else the backend told of the user stays out of
// them.
func person(m protocol.Member) audit.Entity {
	return audit.Entity{ID: audit.Clean(m.ID), Type: "user", Name: audit.Clean(m.Name())}
}

func (c *Conn) noteOpen() {
	if c.trace == nil {
		return
	}
	f := c.trace.facts
	c.trace.auditor.Note(c.record(audit.ActionConnectionOpen, audit.ConnectionOpen{
		App: c.app.Load().ID, Origin: audit.Clean(f.Origin), IP: f.IP(), TLS: f.TLS, Protocol: f.Protocol, Transport: f.Transport,
	}))
}

// noteClose notes that the client is gone. The worker calls it, behind the ends of the
// subscriptions.
func (c *Conn) noteClose() {
	t := c.trace
	if t == nil {
		return
	}
	c.mu.Lock()
	code, why := t.code, t.why
	c.mu.Unlock()
	r := c.record(audit.ActionConnectionClose, audit.ConnectionClose{
		App: c.app.Load().ID, IP: t.facts.IP(), Code: code, Reason: audit.Clean(why), Seconds: elapsed(t.opened),
		BytesSent: t.bytes, MessagesSent: t.messages, Dropped: t.dropped,
	})
	r.Actor = c.actorOr(t.user)
	t.auditor.Note(r)
}

func (c *Conn) noteSignin() {
	if c.trace == nil {
		return
	}
	r := c.record(audit.ActionSignin, audit.Signin{User: audit.Clean(c.user.ID), IP: c.trace.facts.IP()})
	r.Actor = c.actor()
	c.trace.auditor.Note(r)
}

// noteSigninRefused notes a sign-in that failed, by who it was before. Who it wanted to be is
// anybody's word.
func (c *Conn) noteSigninRefused(why *protocol.Error) {
	if c.trace == nil {
		return
	}
	cause := causeOf(why)
	r := c.record(audit.ActionSigninRefuse, audit.SigninRefuse{SocketID: c.id, Code: why.Code, Reason: cause, Count: 1})
	r.Actor, r.Success = c.actor(), false
	c.trace.auditor.Refused(r, cause, c.trace.facts.IP())
}

// noteTerminated notes that the backend ended the connection, as one of a user's. Anybody may
// call it.
func (c *Conn) noteTerminated(userID string) {
	if c.trace == nil {
		return
	}
	r := c.record(audit.ActionConnectionTerminate, audit.Terminate{User: audit.Clean(userID), SocketID: c.id, Connections: 1})
	r.Actor = r.Scope // which key it was, relay.user.terminate tells
	c.trace.auditor.Note(r)
}

// causeOf says why something was refused, without anything that the client said.
func causeOf(why *protocol.Error) string {
	if why.Cause == "" {
		return "invalid message"
	}
	return why.Cause
}

// elapsed is how many seconds have passed, to the millisecond.
func elapsed(since time.Time) float64 { return math.Round(time.Since(since).Seconds()*1000) / 1000 }
