package relay

import (
	"slices"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// A connection stands on the keys of its app: on the one by which the client connected, and on
// those that signed its subscriptions and its user.

// signature is who the client is signed in as, by which key. A zero one is nobody.
type signature struct {
	by     *auth.Key
	userID string
	// decision is that of the auth endpoint; nil where a backend signed.
	decision *auth.Decision
	// channels are the user's and those of whom the user watches: the key has to be for all.
	channels []string
}

// check returns the error that the client is told unless the key is for all of the channels.
func (s signature) check() *protocol.Error {
	for _, channel := range s.channels {
		if err := s.by.CheckClient(channel); err != nil {
			return err
		}
	}
	return nil
}

// rekeyings say which apps have other keys than before, by what they were before.
type rekeyings map[*auth.App]bool

func (r rekeyings) of(before, app *auth.App) bool {
	changed, known := r[before]
	if !known {
		changed = !auth.SameKeys(before, app)
		r[before] = changed
	}
	return changed
}

// stands says whether all that the connection stands on holds with the app as it is.
func (c *Conn) stands(app *auth.App) bool {
	if _, refused := app.CheckConnect(c.key.Key); refused != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, s := range c.subscriptions {
		if !s.stands(app, name) {
			return false
		}
	}
	return c.signedIn.by == nil || !slices.ContainsFunc(c.signedIn.channels, func(channel string) bool {
		return !signs(app, c.signedIn.by, channel)
	})
}

func (s *subscription) stands(app *auth.App, channel string) bool {
	switch kind := protocol.KindOf(channel); {
	case kind == protocol.User:
		return true // as long as the user does
	case kind.NeedsAuth():
		return signs(app, s.by, channel)
	default:
		key, ok := app.Key(s.by.Key)
		return ok && key.May(auth.RightSubscribe, channel)
	}
}

// signs says whether the app still takes what a key has signed for a channel.
func signs(app *auth.App, by *auth.Key, channel string) bool {
	key, ok := app.Key(by.Key)
	return ok && key.Secret == by.Secret && key.May(auth.RightSubscribe, channel)
}

// standAs makes the connection stand on who signed its user.
func (c *Conn) standAs(who signature) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signedIn = who
}

// recheck is for what was granted by the app as it was just before: a reload that came
// meanwhile did not see it.
func (c *Conn) recheck(before *auth.App) {
	if app := c.app.Load(); app != before && !c.stands(app) {
		c.hub.reconnects.add(protocol.ErrKeyRevoked(), c)
	}
}

// openKey says whether the key by which the client has connected is for a channel that wants
// no signature.
func (c *Conn) openKey(app *auth.App, channel string) (*auth.Key, *protocol.Error) {
	key, ok := app.Key(c.key.Key)
	if !ok {
		err := protocol.ErrAuthKey(c.key.Key)
		err.Cause = auth.CauseRevoked
		return key, err
	}
	return key, key.CheckClient(channel)
}

// noteUse notes what became of what a key was to allow. A signature that is wrong is not the
// key's use.
func (c *Conn) noteUse(app *auth.App, key *auth.Key, why *protocol.Error) {
	switch {
	case key == nil || c.hub.config.Uses == nil:
	case why == nil:
		c.hub.config.Uses.Note(app.ID, key.Key, auth.UseSubscribe, time.Now())
	case why.Cause == auth.CauseRevoked || why.Cause == auth.CauseRights:
		c.hub.config.Uses.Note(app.ID, key.Key, auth.UseRefused, time.Now())
	}
}
