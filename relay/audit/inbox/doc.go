// Package inbox takes what the CI backend reports to the audit trail by Redis.
//
// A backend adds an entry with one field, record, to the stream PREFIX:audit. All nodes read
// it as one consumer group, so each entry comes to one of them. It is removed from the stream
// when the trail has it, not before; what a node took and did not finish another takes half a
// minute later. So a record may come to the trail twice, with one id, and none is lost.
// Entries that are no records go to the stream PREFIX:audit:refused with the reason, and hold
// up nothing.
package inbox
