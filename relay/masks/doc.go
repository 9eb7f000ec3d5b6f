// Package masks takes secrets out of events: publishers register values, for a channel
// or for a whole app, and rules have tokens found by their form. What an event becomes
// depends on the event, on the one before it, and on what is registered, and on nothing
// else: so every node shows the same.
//
// Data that is JSON stays the same JSON. Each of its strings, names of members included,
// is masked for itself, as what it stands for and not as it is escaped. One top-level
// member, "text" unless a rule says otherwise, is output that goes on from event to
// event, as is the "base64" that pipe sends where output is no UTF-8: a value that is cut
// between two events is found in the second. Data that is no JSON is such output as a
// whole, as is data that is one string or number; with a hit a number becomes a string.
//
// Text never moves between events. Each part of a value that is cut has stars of its own.
// Unless this node publishes them in one call, the part in the first event is shown, and
// who shows events does not find a value that is spread over more than two.
//
// A value is looked for in strings: one that is a JSON text itself is not found where it
// is data, or a part of data, as it is.
//
// The files: registered.go and load.go have what is registered, sets.go the compiled values;
// looking.go says what of both a channel has. read.go, reader.go and tokens.go take data apart,
// write.go puts it together again. publishing.go and showing.go are what is done to events,
// tally.go says who hears of it.
//
// Nothing is done to channels that clients decrypt, and to events of clients.
//
// It is a net for accidents, as relay/mask is.
package masks
