// Package webhook tells apps' backends, by webhooks, what becomes of their channels
// (protocol.md 5). These are the rules.
//
// Occurrences come from an [Outbox] that all nodes share, and stay there until every webhook
// that wants them has them or gave them up. So each is told at least once, by whichever
// node, and has an id by which the receiver knows it again. A node tells nothing while it
// cannot be sure that the outbox counts on it.
//
// Targets. Each webhook of each app is a target with its own goroutine, its own bounds and
// up to eight requests at once: one that is slow or dead delays no other.
//
// Lines. At a target each channel has a line, in the order in which things became of the
// channel, and only its head is on its way: in a letter, which is what one request brings.
// A letter is written once and tried, with growing pauses, until five minutes after what it
// tells; the rest of its line waits. A target that fails with letter after letter rests, and
// then gets one of them at a time until it takes one.
//
// Strangers. Of an app that this node does not know, or of a kind that no webhook here wants,
// another node with a newer apps file may know more: such events wait, aside, for five minutes.
//
// Where requests go is decided when they connect, by the address (see [Networks]).
package webhook
