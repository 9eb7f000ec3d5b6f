package masks

import (
	"slices"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// Showing masks an event, in place, that was published by anybody. before is the data of the
// event before it on the channel, as it was published, "" where there is none or nobody
// knows. Where it changes an event of a log, [protocol.Link.Sealed] is set: the digests are
// over something else.
func (m *Masks) Showing(appID string, e *protocol.Event, before string, place Place) {
	if !masked(e) {
		return
	}
	l := m.lookAt(appID, e.Channel)
	if l == nil {
		return
	}
	pieces := read(e.Data, l.field)
	var hits []mask.Hit
	if output := outputIn(pieces); output != "" {
		hits = l.find(outputOf(before, l.field), output)
	}
	counts := l.change(e, pieces, hits)
	if counts == (mask.Counts{}) {
		return
	}
	if e.Link != nil {
		e.Link.Sealed = true
	}
	m.count(appID, e.Channel, place, counts, l.notice)
}

// masked says whether an event is one that masks are for.
func masked(e *protocol.Event) bool {
	hasData := e.Change == nil && e.Cached == nil && (e.Link == nil || !e.Link.Unreadable)
	return hasData && !protocol.IsClientEvent(e.Name)
}

// change gives an event its stars, given its data in pieces and the hits in its output. It returns
// how many they are.
func (l *looking) change(e *protocol.Event, pieces []piece, hits []mask.Hit) (all mask.Counts) {
	e.Data, all = l.rewrite(e.Data, pieces, hits)
	own := false // else somebody may have the same further members
	for i, f := range e.Extra {
		counts := l.changeField(&f)
		if counts == (mask.Counts{}) {
			continue
		}
		if !own {
			e.Extra, own = slices.Clone(e.Extra), true
		}
		e.Extra[i] = f
		all.Add(counts)
	}
	return all
}

// changeField gives a further member of an event its stars. It is no output.
func (l *looking) changeField(f *protocol.Field) mask.Counts {
	value := string(f.Value)
	pieces := read(value, "")
	for i := range pieces {
		pieces[i].output = false
	}
	starred, counts := l.rewrite(value, pieces, nil)
	f.Value = []byte(starred)
	return counts
}
