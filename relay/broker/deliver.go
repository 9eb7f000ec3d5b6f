package broker

import (
	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

// deliver reads a message and hands its events on. What cannot be read is
// counted and dropped: Redis' content is not trusted.
func (b *Broker) deliver(m *redis.Message, sink Sink) {
	key, ok := b.interest.find(m.Channel)
	if !ok {
		return // unsubscribed meanwhile
	}
	events, dropped := b.parse(key, m)
	if dropped != "" {
		b.metrics.Dropped.WithLabelValues(dropped).Inc()
	}
	b.metrics.Events.Add(float64(len(events)))
	for _, e := range events {
		sink.Deliver(key.app, e)
	}
}

// parse reads a message in the contract that its Redis channel stands for. dropped
// says, in a word for the metric, why something of it could not be delivered.
func (b *Broker) parse(key channelKey, m *redis.Message) (events []protocol.Event, dropped string) {
	if payload := []byte(m.Payload); m.Channel != key.channel && protocol.IsAppended(payload) {
		e, err := protocol.ParseAppended(payload, key.channel, protocol.DefaultLimits())
		if err != nil {
			return nil, "invalid"
		}
		return []protocol.Event{e}, ""
	}
	if m.Channel != key.channel {
		events, err := protocol.ParsePublished([]byte(m.Payload), key.channel, protocol.DefaultLimits())
		if err != nil {
			dropped = "invalid"
		}
		return events, dropped
	}
	e, err := protocol.ParseSlanger([]byte(m.Payload))
	switch {
	case err != nil:
		return nil, "invalid"
	case e.Channel != key.channel && !b.config.Slanger.AnyChannel:
		return nil, "other_channel"
	}
	return []protocol.Event{e}, ""
}
