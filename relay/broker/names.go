package broker

import (
	"slices"

	"buildrelay/protocol"
)

// names knows what the Redis channels are called:
//
//	PREFIX:APP:CHANNEL   the events of a channel, in the relay's own contract
//	CHANNEL              the same in Slanger's, for the app that Slanger served
//	PREFIX:~beat:NODE    the heartbeat of a node
//
// and the keys of the log of a channel, all of one hash slot (docs/PROTOCOL.md):
//
//	PREFIX:{APP:CHANNEL}          the entries; what belongs to it follows a further ":"
//
// No channel's name contains ":", so none can be taken for another, as long as no
// app is called "~beat".
type names struct {
	prefix    string
	node      string
	heartbeat string
	slanger   string // the id of the app that Slanger served, or ""
}

func newNames(prefix, node, slanger string) names {
	return names{prefix: prefix, node: node, heartbeat: prefix + ":~beat:" + node, slanger: slanger}
}

func (n names) own(appID, channel string) string { return n.prefix + ":" + appID + ":" + channel }

// log returns the key of a channel's log.
func (n names) log(appID, channel string) string {
	return n.prefix + ":{" + appID + ":" + channel + "}"
}

const (
	// metaSuffix ends the key of what is known about a log beside its entries.
	metaSuffix = ":meta"
	// idSuffix begins the end of the key that remembers an event's id.
	idSuffix = ":id:"
	// watchedSuffix ends the key of who watches a log, which is also the Redis channel
	// that tells when that begins and ends.
	watchedSuffix = ":watched"
)

// all returns the Redis channels that carry a channel's events.
func (n names) all(appID, channel string) []string {
	if n.isSlanger(appID) {
		return []string{n.own(appID, channel), channel}
	}
	return []string{n.own(appID, channel)}
}

func (n names) isSlanger(appID string) bool { return appID != "" && appID == n.slanger }

// message is what one PUBLISH carries.
type message struct {
	name    string
	payload []byte
}

// messages puts events into messages, in order: one for each run of events of
// the same channel, or one for each event where Slanger has to read it.
func (n names) messages(appID string, events []protocol.Event) []message {
	var out []message
	if n.isSlanger(appID) {
		for _, e := range events {
			out = append(out, message{e.Channel, protocol.EncodeSlanger(e)})
		}
		return out
	}
	for len(events) > 0 {
		channel := events[0].Channel
		run := slices.IndexFunc(events, func(e protocol.Event) bool { return e.Channel != channel })
		if run < 0 {
			run = len(events)
		}
		out = append(out, message{n.own(appID, channel), protocol.EncodePublished(events[:run])})
		events = events[run:]
	}
	return out
}
