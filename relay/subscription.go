package relay

import (
	"sync/atomic"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/feed"
)

// subscription is one connection's reading of one channel.
type subscription struct {
	// Static.
	conn    *Conn
	channel *channel
	// member is who subscribes to a presence channel; nil on another.
	member *protocol.Member
	// grant is nil where there are no records of it.
	grant *grant
	// by is the key that it stands on, as that was: the one that signed, or, where nothing is
	// signed, the one by which the client has connected; nil on a user's channel.
	by *auth.Key
	// decision is that of the auth endpoint; nil where a backend signed, or nobody had to.
	decision *auth.Decision

	// ended says that the client was told, or wants, that nothing more comes. It is set
	// before any reply to what the client sends next.
	ended atomic.Bool

	// left says that the client unsubscribed: nothing more is sent. The connection's worker
	// sets it, those who read pages look at it.
	left atomic.Bool

	// Set under channel.mu when the subscription becomes live, static after.
	shard *shard

	// Owned by the connection's worker, from the join on.

	cursor feed.Cursor
	// replay is nil on a live channel.
	replay *replay
	// prelude is written before the first frame of the feed.
	prelude []byte
	// joined says that it stands in its shard; due that it stands in conn.due.
	joined, due bool
	// place and lag are its indexes in shard.readers and shard.lagging; lag is
	// -1 while it does not lag.
	place, lag int
}
