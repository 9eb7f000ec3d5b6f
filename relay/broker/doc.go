// Package broker brings events through Redis: it publishes them, and it hears
// those of the channels that somebody reads on this node.
//
// A Redis channel carries the events of one channel of one app (see [names]).
// The node subscribes to it only while it has a reader. One pub/sub connection,
// a link, serves all; a link that cannot prove that it is alive is replaced (see
// [link]).
//
// What happens to logs, in Redis, happens in scripts (lua/), which docs/PROTOCOL.md
// describes: one appends an event and publishes it, one reads a page, one notes who
// watches (see [leases]). What they read is not trusted (see [rawPage]).
package broker
