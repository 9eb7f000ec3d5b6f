// Package outlet carries the audit trail out of the node: to syslog, to an S3-compatible
// bucket, to stdout. These are the rules.
//
// Each [Target] has a goroutine and a cursor of its own: one that is slow, hangs or is dead
// holds up nobody else. Records go out in the order of their chain and at least once; who
// gets one twice knows it by its id. A cursor moves when a turn is settled: everything that
// was sent in the turn is known to be there. When anything fails, the whole turn is sent
// again, after a pause that grows to half a minute.
//
// What "there" means depends on the target. A bucket has answered. Of a syslog server by TCP
// or TLS, which never answers, a turn is one connection: the relay ends it, and the server
// ends it too once it has read all of it. One that does not gets the turn again. By UDP
// nothing is known but that a machine says that nobody listens there: a datagram may be lost.
//
// Every hour, at the start and at the end, a target gets a signed head of what it has
// ([audit.Head]), as a line, a message or an object of its own: a chain that was shortened
// here later does not fit the heads there.
package outlet
