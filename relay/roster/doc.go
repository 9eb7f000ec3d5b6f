// Package roster keeps, in Redis, the rolls of all channels: who is a member, on behalf
// of which nodes, and how many subscriptions there are. What Redis does is one script
// (lua/), which does all of a call in one step. These are the rules.
//
// Wishes. A node says what it wants: this member, so many subscriptions. What Redis may
// not know is due, and for each master one goroutine tells it (see [wishes], [teller],
// [session]). Nothing is counted up and down, and to say a thing twice changes nothing: after
// an error of any kind the connection is given up, and all is told again by the next.
//
// Masters. All that a partition keeps is in one hash slot, and changes by one script, so that
// partitions can be on the masters of a Redis Cluster. Each master is told by a connection of
// its own: one that is away holds up its partitions alone. Who the masters are is looked up
// before each connection, and as often as leases are refreshed; where they are others, all
// connections are given up. Of a slot that is being moved nothing is told or read: what Redis
// answers then (ASK) is an error, and is tried again until the move is over.
//
// Rows. A row of a roll belongs to an incarnation: a node for as long as it holds its lease
// without a break. Who has a row of any incarnation is a member. The roll changes, and that
// is told, when a member's first row comes or its last one goes. A node that has lost its
// lease goes on as another incarnation, and tells all it wants from the beginning; the rows
// of the old one are swept.
//
// Leases. An incarnation has a lease (20 s, refreshed every 5 s) in the epoch of the partition.
// What is said without one is refused. Every node sweeps: it takes back the rows of
// incarnations without a lease.
//
// Epochs. The epoch is one life of what Redis keeps. It changes where it is missing, and
// where Redis is another process than before: it may have lost anything or gone back in time.
// A replica that became the master, which may lack what its master had acknowledged, is another
// process, and so is the master that a slot has moved to.
// No lease outlives it. So after each restart every node tells everything again, and rows
// out of an older snapshot belong to nobody and are swept. (A user who may not ask Redis for
// INFO does not notice the latter, if it took less than 10 s.)
//
// Holds. While some of those who live may not have said so, nobody is taken to have left: for
// 10 s nobody is swept, a member's last row goes to a ghost that is swept afterwards, and rolls
// are not settled. A hold begins with a new epoch, with a node that knew another epoch, and
// when nobody has leased for 10 s though there are incarnations (Redis was away from everybody).
// It lasts while nodes tell again what they told before. An empty Redis needs none, as long as
// no node knew another.
//
// So a dead node is forgotten 24 s after its death; if Redis was restarted, or nobody was
// there, 14 s after that, if it is later.
//
// Versions. Each change of a roll has a version, which is Redis' time in µs, made to grow, and
// names the one before it; 0 where the roll was empty. So a change with 0 continues any empty
// roll that is older. Nothing is kept of an empty roll: it is as old as the newest change
// of its partition.
//
// Outbox. What webhooks of an app are told is an entry in the outbox of the channel's
// partition: what the script finds out (who came and went, counts), and what nodes note
// ([Roster.Note]). So what becomes of a channel has one order, by the time when it is due and then by the
// entry. Who is gone is told 3 s later, and not at all if back by then. One node at a time
// has the lease of a partition for telling (see [Outbox]), for 10 s from its last poll; the
// next begins with the first entry that is not done. So all is told at least once, and twice
// only where a node died, or was cut off, while it told, or Redis lost whose the lease was. When
// Redis loses its data, so are the entries that it had; and who is here is told as if all had
// come just then.
package roster
