package relay

import (
	"buildrelay/auth"
	"buildrelay/protocol"
)

// Reload replaces the apps, or changes nothing after an error, and gives the connections
// and channels that are open the new settings. Connections of an app that is gone or
// disabled are closed. A channel stays the log channel, or the counted one, that it is, or
// is not, until it has no reader any more.
func (h *Hub) Reload(apps *auth.Apps, next []auth.App) error {
	closing, err := h.replace(apps, next)
	if err != nil {
		return err
	}
	for _, c := range closing {
		c.Close(refusal(apps, c.app.Load()))
	}
	return nil
}

// current returns the app as it is since the last Reload, which it may have been found
// before. The caller holds mu.
func (h *Hub) current(app *auth.App) (*auth.App, *protocol.Close) {
	if h.apps == nil {
		return app, nil
	}
	now, ok := h.apps.ByID(app.ID)
	if !ok || now.Disabled {
		return nil, refusal(h.apps, app)
	}
	return now, nil
}

// replace does so while nobody connects or subscribes, so that the broker and the hub
// agree on what a new channel is. It returns the connections that have to go.
func (h *Hub) replace(apps *auth.Apps, next []auth.App) (closing []*Conn, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := apps.Replace(next...); err != nil {
		return nil, err
	}
	h.apps = apps
	for _, ch := range h.channels {
		if app, ok := apps.ByID(ch.key.app); ok {
			ch.app.Store(app)
		}
	}
	for _, c := range h.conns {
		app, ok := apps.ByID(c.app.Load().ID)
		if ok {
			c.app.Store(app)
		}
		if !ok || app.Disabled {
			closing = append(closing, c)
		}
	}
	return closing, nil
}

// refusal is why connections of an app end: it is gone, or it is disabled.
func refusal(apps *auth.Apps, app *auth.App) *protocol.Close {
	if _, ok := apps.ByID(app.ID); ok {
		return protocol.ErrAppDisabled()
	}
	return protocol.ErrUnknownKey(app.Keys[0].Key)
}
