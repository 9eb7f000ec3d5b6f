package relay

import "buildrelay/protocol"

// Occurrences is told what webhooks tell and the roster does not see by itself: client
// events, and subscribers of cache channels that found nothing.
type Occurrences interface {
	// Note takes what happened on a channel. It never blocks, and calls nothing back.
	Note(o protocol.Occurrence)
}

// note tells the webhooks what happened on the channel, if somebody listens.
func (ch *channel) note(o protocol.Occurrence) {
	if ch.occurrences != nil {
		o.App, o.Channel = ch.key.app, ch.key.name
		ch.occurrences.Note(o)
	}
}
