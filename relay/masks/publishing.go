package masks

import (
	"strings"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// Publishing masks events, in place, that this node is about to publish in this order, of
// any channels. It is for all of one call at once: of a value that is cut between two of them
// both parts are masked, and of one that began in what this node published to the channel
// before, the rest.
func (m *Masks) Publishing(appID string, events []protocol.Event) {
	for i := range events {
		channel := events[i].Channel
		if !m.Applies(appID, channel) || published(events[:i], channel) {
			continue
		}
		var run []*protocol.Event
		for j := range events[i:] {
			if e := &events[i+j]; e.Channel == channel && masked(e) {
				run = append(run, e)
			}
		}
		if l := m.lookAt(appID, channel); l != nil {
			m.publishing(appID, channel, l, run)
		}
	}
}

func published(events []protocol.Event, channel string) bool {
	for i := range events {
		if events[i].Channel == channel {
			return true
		}
	}
	return false
}

// publishing masks events of one channel.
func (m *Masks) publishing(appID, channel string, l *looking, events []*protocol.Event) {
	name := protocol.ChannelName{App: appID, Channel: channel}
	pieces, outputs := make([][]piece, len(events)), make([]string, len(events))
	for i, e := range events {
		pieces[i] = read(e.Data, l.field)
		outputs[i] = outputIn(pieces[i])
	}
	hits, open := l.follow(m.open.of(name), strings.Join(outputs, ""))
	m.open.set(name, open)
	var all mask.Counts
	at := 0
	for i, e := range events {
		end := at + len(outputs[i])
		var own []mask.Hit
		own, hits = within(hits, at, end)
		all.Add(l.change(e, pieces[i], own))
		at = end
	}
	m.count(appID, channel, Publish, all, l.notice)
}
