package broker

import (
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

// message is what one PUBLISH carries.
type message struct {
	home    string // the key of all that belongs to the channel
	name    string
	payload []byte
	// cached, where not nil, is the channel's last event, kept under key for ttl.
	cached []byte
	key    string
	ttl    time.Duration
	// once, where not empty, is the key of the event's id: it is published under it once.
	once string
	sent *redis.Cmd // the answer of the script, where the message has an id
}

func (m *message) isKept() bool { return m.cached != nil }

// messages puts events into messages, in order: one for each run of events of the same
// channel, or one for each event that has an id, or where Slanger has to read it. ttl is for how long the
// last event of a cache channel is kept.
func (n names) messages(appID string, events []protocol.Event, ttl time.Duration) []*message {
	var out []*message
	for len(events) > 0 {
		channel, run := events[0].Channel, runOf(events)
		home := n.log(appID, channel)
		if n.isSlanger(appID) && knownToSlanger(channel) {
			for _, e := range events[:run] {
				out = append(out, &message{home: home, name: channel, payload: protocol.EncodeSlanger(e), once: n.once(appID, e)})
			}
		} else {
			m := &message{home: home, name: n.own(appID, channel), payload: protocol.EncodePublished(events[:run]), once: n.once(appID, events[0])}
			if last, ok := lastKept(events[:run]); ok {
				m.cached, m.key, m.ttl = protocol.EncodePublished([]protocol.Event{last}), protocol.CacheKey(n.prefix, appID, channel), ttl
			}
			out = append(out, m)
		}
		events = events[run:]
	}
	return out
}

// runOf is how many of the events, from the first one on, are of its channel and have no
// id; 1 where the first one has one.
func runOf(events []protocol.Event) int {
	if events[0].ID != "" {
		return 1
	}
	n := slices.IndexFunc(events, func(e protocol.Event) bool { return e.Channel != events[0].Channel || e.ID != "" })
	if n < 0 {
		return len(events)
	}
	return n
}

// lastKept returns the last of the events that is to be kept, if there is one.
func lastKept(events []protocol.Event) (e protocol.Event, ok bool) {
	for _, e := range slices.Backward(events) {
		if isCached(e) {
			return e, true
		}
	}
	return protocol.Event{}, false
}

// knownToSlanger says whether Slanger has channels of this kind. It has neither caches
// nor users: these are published in the relay's own contract alone, as logs are.
func knownToSlanger(channel string) bool {
	kind := protocol.KindOf(channel)
	return !kind.Cache() && kind != protocol.User
}
