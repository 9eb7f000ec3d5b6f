package relay

import (
	"slices"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// Reload replaces the apps, or changes nothing after an error, and gives the connections
// and channels that are open the new settings. Connections of an app that is gone or
// disabled are closed, those that stood on a key which is gone, revoked or limited now are
// asked to reconnect, one after the other. A channel stays the log channel, or the counted one,
// that it is, or is not, until it has no reader any more.
func (h *Hub) Reload(apps *auth.Apps, next []auth.App) error {
	closing, rekeyed, err := h.replace(apps, next)
	if err != nil {
		return err
	}
	for _, c := range closing {
		c.Close(refusal(apps, c))
	}
	// That may take a while, and holds up nobody: who is granted something meanwhile rechecks.
	h.reconnects.add(protocol.ErrKeyRevoked(), slices.DeleteFunc(rekeyed, func(c *Conn) bool { return c.stands(c.app.Load()) })...)
	return nil
}

// admit gives a new connection its app as it is since the last Reload, which it may have been
// found before, and its key. The caller holds mu.
func (h *Hub) admit(c *Conn, app *auth.App, key string) (refused *protocol.Close) {
	if h.apps != nil {
		now, ok := h.apps.ByID(app.ID)
		switch {
		case !ok:
			return protocol.ErrUnknownKey(key)
		case now.Disabled:
			return protocol.ErrAppDisabled()
		}
		app = now
	}
	c.app.Store(app)
	c.key, refused = app.CheckConnect(key)
	return refused
}

// replace does so while nobody connects or subscribes, so that the broker and the hub
// agree on what a new channel is. It returns the connections that have to go, and those whose
// app has other keys.
func (h *Hub) replace(apps *auth.Apps, next []auth.App) (closing, rekeyed []*Conn, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := apps.Replace(next...); err != nil {
		return nil, nil, err
	}
	h.apps = apps
	for _, ch := range h.channels {
		if app, ok := apps.ByID(ch.key.app); ok {
			ch.app.Store(app)
		}
	}
	changed := rekeyings{}
	for _, c := range h.conns {
		before := c.app.Load()
		app, ok := apps.ByID(before.ID)
		if ok {
			c.app.Store(app)
		}
		switch {
		case !ok || app.Disabled:
			closing = append(closing, c)
		case changed.of(before, app):
			rekeyed = append(rekeyed, c)
		}
	}
	return closing, rekeyed, nil
}

// refusal is why a connection of an app ends: the app is gone, or it is disabled.
func refusal(apps *auth.Apps, c *Conn) *protocol.Close {
	if _, ok := apps.ByID(c.app.Load().ID); ok {
		return protocol.ErrAppDisabled()
	}
	return protocol.ErrUnknownKey(c.key.Key)
}
