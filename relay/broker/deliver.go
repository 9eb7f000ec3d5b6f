package broker

import (
	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

// maxMessage is the largest message that is looked at, in bytes: reading a larger one
// would hold up the channels of everybody else.
const maxMessage = 4 << 20

// maxUnkept bounds the channels that are warned of.
const maxUnkept = 1000

// deliver reads a message and hands its events on. What cannot be read is
// counted and dropped: Redis' content is not trusted.
func (b *Broker) deliver(m *redis.Message, sink Sink) {
	key, ok := b.interest.find(m.Channel)
	switch {
	case !ok:
		return // unsubscribed meanwhile
	case len(m.Payload) > maxMessage:
		b.drop("invalid")
		return
	case b.names.tellsRoll(m.Channel):
		b.deliverChange(key, m, sink)
		return
	}
	events, dropped := b.parse(key, m)
	if dropped != "" {
		b.drop(dropped)
	}
	b.metrics.Events.Add(float64(len(events)))
	for _, e := range events {
		if b.openLive(key, &e) && b.showLive(key.app, &e) {
			sink.Deliver(key.app, e)
		}
	}
}

// openLive opens an event that may be of a log channel. It says whether to hand it on: of what
// is in the log, and cannot be opened, at least the place is handed on.
func (b *Broker) openLive(key channelKey, e *protocol.Event) bool {
	switch {
	case e.Link != nil:
		if b.sealing.open(key.app, e) != nil {
			*e = protocol.Event{Channel: e.Channel, Link: e.Link}
			e.Link.Unreadable = true
		}
		return true
	case protocol.IsClientEvent(e.Name), b.rule(key.app, e.Channel) == nil:
		return true
	}
	if b.sealing.open(key.app, e) != nil {
		return false
	}
	b.warnUnkept(channelKey{key.app, e.Channel})
	return true
}

// drop counts a message of which something could not be delivered.
func (b *Broker) drop(reason string) { b.metrics.Dropped.WithLabelValues(reason).Inc() }

// deliverChange hands on a change of the channel's roll. The hub notices by the next
// version that one was dropped.
func (b *Broker) deliverChange(key channelKey, m *redis.Message, sink Sink) {
	change, err := protocol.ParseChange([]byte(m.Payload))
	if err != nil {
		b.drop("invalid")
		return
	}
	sink.Deliver(key.app, protocol.Event{Channel: key.channel, Change: &change})
}

// warnUnkept counts an event that was published to a log channel and is not kept, and
// warns of it once a channel. Only the loop that receives calls it.
func (b *Broker) warnUnkept(key channelKey) {
	b.metrics.LogUnkept.Inc()
	if b.unkept[key] || len(b.unkept) == maxUnkept {
		return
	}
	b.unkept[key] = true
	b.log.Warn("events are published to a log channel by PUBLISH: they are delivered, but not kept (docs/PROTOCOL.md, log channels)",
		"app", key.app, "channel", key.channel)
}

// parse reads a message in the contract that its Redis channel stands for. dropped
// says, in a word for the metric, why something of it could not be delivered.
func (b *Broker) parse(key channelKey, m *redis.Message) (events []protocol.Event, dropped string) {
	payload := []byte(m.Payload)
	if m.Channel == key.channel {
		return b.parseSlanger(key, payload)
	}
	if protocol.IsAppended(payload) {
		e, err := protocol.ParseAppended(payload, key.channel, protocol.DefaultLimits())
		if err != nil {
			return nil, "invalid"
		}
		return []protocol.Event{e}, ""
	}
	events, err := protocol.ParsePublished(payload, key.channel, protocol.DefaultLimits())
	if err != nil {
		dropped = "invalid"
	}
	return events, dropped
}

func (b *Broker) parseSlanger(key channelKey, payload []byte) (events []protocol.Event, dropped string) {
	e, err := protocol.ParseSlanger(payload)
	switch {
	case err != nil:
		return nil, "invalid"
	case e.Channel != key.channel && !b.config.Slanger.AnyChannel:
		return nil, "other_channel"
	}
	return []protocol.Event{e}, ""
}
