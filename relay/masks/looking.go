package masks

import (
	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// looking is what is looked for on a channel.
type looking struct {
	sets   []*mask.Set
	field  string
	notice bool
}

// Applies says whether events of a channel are looked at. While nothing is registered and
// there are no rules it costs next to nothing.
func (m *Masks) Applies(appID, channel string) bool {
	return m.wanted(appID, channel).any()
}

// wanted is what somebody wants masked on a channel: registrations and a rule, nil where there
// is none.
type wanted struct {
	ofApp, ofChannel *registration
	rule             *protocol.MaskRule
}

func (m *Masks) wanted(appID, channel string) (w wanted) {
	w.ofApp, w.ofChannel = m.registered.find(appID, channel)
	w.rule = m.config.Rules(appID).Find(channel)
	if w.any() && protocol.KindOf(channel).Encrypted() {
		return wanted{}
	}
	return w
}

func (w wanted) any() bool {
	return w.ofApp != nil || w.ofChannel != nil || w.rule != nil && w.rule.Shapes
}

// lookAt returns what is looked for on a channel, nil for nothing.
func (m *Masks) lookAt(appID, channel string) *looking {
	w := m.wanted(appID, channel)
	if !w.any() {
		return nil
	}
	l := &looking{field: protocol.DefaultMaskField}
	if w.rule != nil {
		l.field, l.notice = w.rule.Field, w.rule.Notice
	}
	if w.rule != nil && w.rule.Shapes {
		l.sets = append(l.sets, m.shapes())
	}
	for _, r := range []*registration{w.ofApp, w.ofChannel} {
		if set := m.set(r); set != nil {
			l.sets = append(l.sets, set)
		}
	}
	return l
}

// find returns the hits in a text that comes behind another.
func (l *looking) find(before, text string) []mask.Hit {
	hits, _ := l.follow(before, text)
	return hits
}

// follow returns the hits in a text that comes behind another, and what of both what follows
// may go on with.
func (l *looking) follow(before, text string) (hits []mask.Hit, open string) {
	most := 0
	for _, set := range l.sets {
		found, n := set.Follow(before, text)
		most = max(most, n)
		hits = mask.Union(hits, found)
	}
	if most <= len(text) {
		return hits, text[len(text)-most:]
	}
	return hits, (before + text)[len(before)+len(text)-most:]
}
