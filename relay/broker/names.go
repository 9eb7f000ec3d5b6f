package broker

import (
	"strings"

	"buildrelay/protocol"
)

// names knows what the Redis channels are called:
//
//	PREFIX:APP:CHANNEL   the events of a channel, in the relay's own contract
//	CHANNEL              the same in Slanger's, for the app that Slanger served
//	PREFIX:~beat:NODE    the heartbeat of a node
//	PREFIX:~NAME         a [Topic]
//
// with the changes of a channel's roll on [protocol.RosterTopic]; and the keys of a
// channel, all of one hash slot (docs/PROTOCOL.md):
//
//	PREFIX:{APP:CHANNEL}          the entries of its log; what belongs to it follows a further ":"
//	PREFIX:{APP:CHANNEL}:cache    the last event of a cache channel, [protocol.CacheKey]
//	PREFIX:{APP:CHANNEL}:once:ID  exists while ID is that of an event of a live or cache channel
//
// and of an app
//
//	PREFIX:{APP}:call:KEY         what the Idempotency-Key of a call stands for
//	PREFIX:{APP}:masks            what is to be masked, sealed
//
// No app's id contains ":" or begins with "~" or "{", so what follows the prefix and the
// id is the channel. That of a user may hold any character; it begins with "#", as no
// other bare name does.
type names struct {
	prefix    string
	node      string
	heartbeat string
	roster    string // begins the names of the channels with changes of rolls
	slanger   string // the id of the app that Slanger served, or ""
	// tells says whether a channel's roll is told; nil where none is.
	tells func(appID, channel string) bool
}

func newNames(prefix, node, slanger string, tells func(appID, channel string) bool) names {
	return names{
		prefix: prefix, node: node, heartbeat: prefix + ":~beat:" + node,
		roster:  strings.TrimSuffix(protocol.RosterTopic(prefix, "", ""), ":"),
		slanger: slanger, tells: tells,
	}
}

func (n names) own(appID, channel string) string { return n.prefix + ":" + appID + ":" + channel }

func (n names) topic(name string) string { return n.prefix + ":~" + name }

// told returns the key of what was told on a topic, and is kept, of an app.
func (n names) told(topic, of string) string { return n.topic(topic) + ":" + of }

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
	// onceSuffix begins the end of the key that says that an event was published.
	onceSuffix = ":once:"
)

// once returns the key of an event's id; "" for an event without one.
func (n names) once(appID string, e protocol.Event) string {
	if e.ID == "" {
		return ""
	}
	return n.log(appID, e.Channel) + onceSuffix + e.ID
}

// call returns the key of a call's Idempotency-Key.
func (n names) call(appID, key string) string { return n.prefix + ":{" + appID + "}:call:" + key }

// masks returns the key of what an app has registered to be masked.
func (n names) masks(appID string) string { return n.prefix + ":{" + appID + "}:masks" }

// all returns the Redis channels that carry what happens on a channel.
func (n names) all(appID, channel string) []string {
	all := []string{n.own(appID, channel)}
	if n.isSlanger(appID) {
		all = append(all, channel)
	}
	if n.tells != nil && n.tells(appID, channel) {
		all = append(all, protocol.RosterTopic(n.prefix, appID, channel))
	}
	return all
}

func (n names) isSlanger(appID string) bool { return appID != "" && appID == n.slanger }

// tellsRoll says whether a Redis channel carries the changes of a roll.
func (n names) tellsRoll(redis string) bool { return strings.HasPrefix(redis, n.roster) }
