package broker

import (
	"container/list"

	"buildrelay/protocol"
)

const (
	// mostLast is how many bytes last events take: of more the oldest are forgotten.
	mostLast = 16 << 20
	// lastSize is what one takes beside its data and its name.
	lastSize = 300
)

// lastEvents are the newest events that were heard of channels on which something is masked: a
// value may go on in the next. The zero value has none.
type lastEvents struct {
	by    map[channelKey]*list.Element // of order
	order list.List                    // of lastEvent, the oldest first
	bytes int
}

type lastEvent struct {
	key  channelKey
	at   protocol.Position // the zero Position on a live channel
	data string            // as it was published
}

func (l lastEvent) size() int { return lastSize + len(l.key.app) + len(l.key.channel) + len(l.data) }

// before returns the data of the event before the one that is linked so, "" where there is none.
// It is not known where that was not heard; on a live channel nobody can tell.
func (l *lastEvents) before(key channelKey, link *protocol.Link) (data string, known bool) {
	var last lastEvent
	if e := l.by[key]; e != nil {
		last = e.Value.(lastEvent)
	}
	switch {
	case link == nil:
		return last.data, true
	case link.Prev == protocol.ID{}: // the first of its log
		return "", true
	case last.at != link.Before():
		return "", false
	}
	return last.data, true
}

// keep notes the newest event of a channel.
func (l *lastEvents) keep(key channelKey, link *protocol.Link, data string) {
	l.forget(key)
	if l.by == nil {
		l.by = make(map[channelKey]*list.Element)
	}
	last := lastEvent{key: key, data: data}
	if link != nil {
		last.at = link.At
	}
	l.by[key] = l.order.PushBack(last)
	l.bytes += last.size()
	for l.bytes > mostLast {
		l.forget(l.order.Front().Value.(lastEvent).key)
	}
}

// forget is for a channel of which events were not heard, or will not be.
func (l *lastEvents) forget(key channelKey) {
	if e := l.by[key]; e != nil {
		l.bytes -= l.order.Remove(e).(lastEvent).size()
		delete(l.by, key)
	}
}

// clear forgets all.
func (l *lastEvents) clear() { *l = lastEvents{} }
