package webhook

import (
	"slices"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// strangers are events of which no webhook here wants the kind: the app, or its webhook, may
// be new, and known to the node that kept them already. They wait until this node knows it,
// too, and hold up nothing else; each list is in order.
type strangers struct {
	lists         map[stranger][]*event
	events, bytes int
}

type stranger struct{ app, kind string }

// known says whether a webhook of the app may want events of this kind.
func (s stranger) known(apps *auth.Apps) bool {
	app, ok := apps.ByID(s.app)
	return ok && slices.ContainsFunc(app.Webhooks, func(w auth.Webhook) bool { return w.WantsEvent(s.kind) })
}

func strangerOf(e *event) stranger { return stranger{e.App, e.Kind} }

// weight is about how many bytes an event needs that has no text yet.
func weight(e *event) int {
	return overhead + len(e.Channel) + len(e.UserID) + len(e.Event) + len(e.Data)
}

// add adds an event, if there is room.
func (s *strangers) add(e *event) bool {
	if s.events >= mostEvents || s.bytes+weight(e) > mostBytes {
		return false
	}
	if s.lists == nil {
		s.lists = make(map[stranger][]*event)
	}
	s.lists[strangerOf(e)] = append(s.lists[strangerOf(e)], e)
	s.events++
	s.bytes += weight(e)
	return true
}

// remove removes what drop wants to go of a list, and returns it.
func (s *strangers) remove(from stranger, drop func(*event) bool) (removed []*event) {
	s.lists[from], removed = split(s.lists[from], drop)
	for _, e := range removed {
		s.events--
		s.bytes -= weight(e)
	}
	if len(s.lists[from]) == 0 {
		delete(s.lists, from)
	}
	return removed
}

// estrange lets an event wait until a webhook wants its kind.
func (s *Sender) estrange(e *event) {
	if !s.strangers.add(e) {
		s.config.Metrics.HooksLost.Inc()
		s.shared.settled.add(e.Occurrence)
	}
}

// meet puts the strangers of an app that it knows by now in their places. So nothing that is
// taken afterwards comes before them.
func (s *Sender) meet(appID string) {
	if s.strangers.events == 0 {
		return
	}
	for _, kind := range protocol.Hooks() {
		if list := (stranger{appID, kind}); len(s.strangers.lists[list]) > 0 && list.known(s.config.Apps) {
			for _, e := range s.strangers.remove(list, func(*event) bool { return true }) {
				s.place(e)
			}
		}
	}
}

// revisit looks which strangers are known by now, and gives up what has waited too long. It
// is lost only if there is no such app: else the webhook may have been taken away.
func (s *Sender) revisit(now time.Time) {
	for list := range s.strangers.lists {
		s.meet(list.app)
		for _, e := range s.strangers.remove(list, func(e *event) bool { return !now.Before(e.expires()) }) {
			if _, ok := s.config.Apps.ByID(e.App); !ok {
				s.config.Metrics.HooksLost.Inc()
			}
			s.shared.settled.add(e.Occurrence)
		}
	}
}
