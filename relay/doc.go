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
// # Who runs what
//
// A connection has one goroutine, its reader, which calls [Conn.Receive]. It
// belongs to one worker, and that worker alone writes to it. [Hub.Run] runs the
// workers; the sweeper, which looks after silent connections and idle channels;
// and, where there are logs, those who read pages of them and the one who
// compares. Nothing else runs.
//
// # Locks
//
// Lock order: Hub.mu, channel.mu, then one of feed, worker inbox, or the
// broker's own. Conn.mu, then worker inbox. pages.mu and suspects.mu are taken
// while none of these is held, and none under them. No lock is held over I/O, and a
// worker holds none of its own while it takes a channel's.
package relay
