// Package relay is the core: it knows which connection reads which channel and
// brings every event to every reader, in order.
//
// # The life of an event
//
// The broker calls [Hub.Deliver]. The hub finds the channel, encodes the event
// once, and appends the frame to the channel's feed. Each fan-out worker that
// owns a reader of the channel has it in its inbox, and [Hub.Flush] wakes the
// worker for all events that came together. The worker gathers what is due for a
// connection, from all its feeds, and hands it to the transport in one write.
//
// # Logs
//
// The feed of a log channel continues a log that Redis keeps (chain.go). A
// subscription that is elsewhere in the log reads pages of it (replay.go) until its
// position is in the feed. Pages are read by a few goroutines for whoever asks
// (pages.go). The feeds' ends are compared with the logs' (verify.go).
//
// # Who is there
//
// A presence channel, and a user's own, have a roll: a copy of what the roster keeps in
// Redis for all nodes (roll.go). Changes of it come by [Hub.Deliver], in order with the
// channel's events, so that readers are told in order, too; where one was missed the roll
// is asked for. A subscription waits for the channel to be heard and for what it is told
// first: its own name on the roll, the last event of a cache channel (cache.go).
//
// # Who runs what
//
// A connection has one reader at a time, which calls [Conn.Receive]: a goroutine of its
// own, or the request whose turn it is. It belongs to one worker, and that worker alone writes to it. [Hub.Run] runs the
// workers; the sweeper, which looks after silent connections, idle channels and rolls in
// doubt; and, where there are logs or caches, those who read pages of logs, the one who
// compares, and the one who reads caches; the one who asks connections to come again, and the one
// who closes those whose decision is revoked. Nothing else runs.
//
// # Locks
//
// Lock order: Hub.mu, channel.mu, then one of feed, watchlist, the roster's own or the
// broker's. Conn.mu is taken under channel.mu or watchlist.mu, and worker inbox under any.
// waitlist.mu is taken under channel.mu or none, pages.mu while none of these is held, and
// none under the two. Revocations' own is taken while none of these is held. An
// Auditor's own is taken under any but the worker's. No lock is held
// over I/O, and a worker holds none of its own while it
// takes a channel's.
package relay
