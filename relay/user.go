package relay

import (
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// userChannel is what a user's own channel has beside another's. Guarded by channel.mu.
type userChannel struct {
	id string
	// watchers are told when the user comes and goes.
	watchers map[*watchlist]struct{}
}

func newUserChannel(name string) *userChannel {
	return &userChannel{id: strings.TrimPrefix(name, protocol.UserPrefix), watchers: make(map[*watchlist]struct{})}
}

// tell tells the watchers whether the user is online, and ends the user's connections
// where that is asked for.
func (u *userChannel) tell(r *roll, s steps) {
	if s.ended {
		for _, c := range r.here[u.id] {
			if c.end(protocol.ErrTerminated()) {
				c.noteTerminated(u.id)
			}
		}
	}
	if r.current {
		for w := range u.watchers {
			w.tell(u.id, len(r.members) > 0)
		}
	}
}

// signIn answers pusher:signin. A connection stays signed in as who it is: the same user
// may sign in again, to no effect but that it stands on the key that signed last.
func (c *Conn) signIn(m protocol.Message) *protocol.Error {
	app := c.app.Load()
	shown, err := c.checkSignin(app, m)
	if err != nil {
		c.noteSigninRefused(err)
		return err
	}
	c.authorized.Store(true)
	c.Reply(protocol.SigninSuccess(shown.userData))
	c.standAs(shown.signature)
	c.recheck(app)
	if c.closeOutdated(app.ID, "", shown.decision) {
		return nil
	}
	if c.user != nil {
		return nil
	}
	user := shown.user
	c.user = &user.Member
	c.noteSignin()
	c.home = c.hub.hold(c, user.ID, func(ch *channel) { ch.enter(user.Member, c) })
	return c.watch(user)
}

// shown is what a sign-in has shown.
type shown struct {
	user     protocol.SignedUser
	userData string // as it was signed
	signature
}

// checkSignin returns the user whom the backend signed, if the connection may be that one's.
func (c *Conn) checkSignin(app *auth.App, m protocol.Message) (who shown, err *protocol.Error) {
	request, err := m.Signin()
	if err != nil {
		return who, err
	}
	who.userData = request.UserData
	if who.by, err = app.CheckSignin(c.id, request); err == nil {
		who.decision, err = decisionOf(request.Auth, protocol.ErrSigninFormat())
	}
	if err == nil {
		err = c.identify(app, &who)
	}
	c.noteUse(app, app.Signer(request.Auth), err)
	return who, err
}

// identify reads who it is.
func (c *Conn) identify(app *auth.App, who *shown) (err *protocol.Error) {
	if who.user, err = protocol.ParseUser(who.userData, app.Limits); err != nil {
		return err
	}
	if c.user != nil && c.user.ID != who.user.ID {
		return protocol.ErrOtherUser(who.user.ID)
	}
	who.userID = who.user.ID
	who.channels = []string{protocol.UserPrefix + who.user.ID}
	if app.Watchlists {
		for _, id := range who.user.Watchlist {
			who.channels = append(who.channels, protocol.UserPrefix+id)
		}
	}
	return who.check()
}

// signOut takes the connection off its user's channel. The reader calls it at the end.
func (c *Conn) signOut() {
	if c.user != nil {
		c.hub.letGo(c.home, func(ch *channel) { ch.exit(c.user.ID, c) })
	}
	if c.watching != nil {
		c.hub.unwatch(c.watching)
	}
}

// hold does something to a user's channel that makes it stay until letGo, and returns it. c is
// on whose behalf.
func (h *Hub) hold(c *Conn, userID string, do func(*channel)) *channel {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := h.open(c.app.Load(), protocol.UserPrefix+userID)
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.emptySince = time.Time{}
	ch.held++
	do(ch)
	return ch
}

// letGo takes back hold.
func (h *Hub) letGo(ch *channel, undo func(*channel)) {
	h.idleIf(ch, ch.letGo(undo))
}

func (ch *channel) letGo(undo func(*channel)) (empty bool) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	undo(ch)
	ch.held--
	return ch.empty(time.Now())
}
