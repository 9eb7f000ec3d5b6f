package relay

import (
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// Receive handles one message from the client. It may wait, see [Conn.Reply].
func (c *Conn) Receive(p []byte) {
	c.Seen()
	app := c.app.Load()
	c.hub.metrics.Messages.WithLabelValues(app.ID).Inc()
	if !c.sent.messages.take(time.Now(), app.Limits.Messages) {
		c.exceed(app, "messages")
		return
	}
	m, err := protocol.ParseMessage(p)
	if err == nil {
		err = c.handle(m)
	}
	if err != nil {
		c.hub.metrics.ClientErrors.WithLabelValues(app.ID).Inc()
		c.Reply(err.Frame())
	}
}

func (c *Conn) handle(m protocol.Message) *protocol.Error {
	switch {
	case m.Event == "pusher:ping":
		c.Reply(protocol.Pong())
		return nil
	case m.Event == "pusher:pong":
		return nil
	case m.Event == "pusher:subscribe":
		return c.subscribe(m)
	case m.Event == "pusher:unsubscribe":
		return c.unsubscribe(m)
	case m.Event == "pusher:signin":
		return c.signIn(m)
	case protocol.IsClientEvent(m.Event):
		return c.clientEvent(m)
	default:
		return protocol.ErrUnsupportedEvent(m.Event)
	}
}

// subscribe answers pusher:subscribe.
func (c *Conn) subscribe(m protocol.Message) *protocol.Error {
	request, err := m.Subscribe()
	if err != nil {
		return err
	}
	app := c.app.Load()
	if !c.sent.subscribes.take(time.Now(), app.Limits.Subscribes) {
		c.exceed(app, "subscribes")
		return nil
	}
	s, err := c.grant(app, request)
	if err != nil {
		c.subscriptionError(app, request.Channel, err)
		return c.denied(request.Channel, err)
	}
	if err := c.hold(s, request.Channel, app); err != nil {
		return c.denied(request.Channel, err)
	}
	c.recheck(app)
	if c.closeOutdated(app.ID, request.Channel, s.decision) {
		c.release(request.Channel)
		return nil
	}
	if err := c.confirm(s, app, request); err != nil {
		c.release(request.Channel)
		c.subscriptionError(app, request.Channel, err)
		return c.denied(request.Channel, err)
	}
	c.hub.subscribe(s, request)
	return nil
}

// denied notes that the client may not subscribe, and returns why.
func (c *Conn) denied(channel string, why *protocol.Error) *protocol.Error {
	if c.recordsOf(channel) {
		c.noteDenied(channel, c.actor(), why)
	}
	return why
}

// exceed ends a connection that sends too much.
func (c *Conn) exceed(app *auth.App, limit string) {
	c.hub.metrics.Limited.WithLabelValues(app.ID, limit).Inc()
	c.Close(protocol.ErrOverCapacity("too many " + limit + " a second"))
}

// grant checks a request to subscribe, and returns the subscription if the client may
// have it.
func (c *Conn) grant(app *auth.App, request protocol.Subscribe) (*subscription, *protocol.Error) {
	name := request.Channel
	if err := protocol.CheckChannel(name, app.Limits.ChannelName); err != nil {
		return nil, err
	}
	kind := protocol.KindOf(name)
	if kind == protocol.User && (c.user == nil || name != protocol.UserPrefix+c.user.ID) {
		return nil, protocol.ErrNotSignedIn(name)
	}
	by, err := c.checkKeys(app, request)
	if err != nil {
		return nil, err
	}
	s := &subscription{conn: c, lag: -1, by: by}
	if kind.Presence() {
		var err *protocol.Error
		if s.member, err = c.member(app, request); err != nil {
			return nil, err
		}
	} else {
		s.prelude = protocol.Succeeded(name)
	}
	if kind.NeedsAuth() {
		c.authorized.Store(true)
	}
	if by != nil && kind.NeedsAuth() {
		if s.decision, err = decisionOf(request.Auth, protocol.ErrAuthFormat(name)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// decisionOf is [auth.DecisionOf]; bad is the error where it is not understood.
func decisionOf(text string, bad *protocol.Error) (*auth.Decision, *protocol.Error) {
	d, err := auth.DecisionOf(text)
	if err != nil {
		return nil, bad
	}
	return d, nil
}

// checkKeys returns the key on which a subscription would stand, or says that there is none that
// allows it. On a user's channel it is nil: there the user stands.
func (c *Conn) checkKeys(app *auth.App, request protocol.Subscribe) (by *auth.Key, err *protocol.Error) {
	switch kind := protocol.KindOf(request.Channel); {
	case kind == protocol.User:
		return nil, nil
	case !kind.NeedsAuth():
		if by, err = c.openKey(app, request.Channel); err == nil {
			return by, nil // it has signed nothing
		}
	default:
		err = app.CheckSubscribe(c.id, request)
		by = app.Signer(request.Auth)
	}
	c.noteUse(app, by, err)
	return by, err
}

// subscriptionError tells a client of a refused subscription as soketi does, beside the error, where
// the app wants that.
func (c *Conn) subscriptionError(app *auth.App, channel string, why *protocol.Error) {
	if app.SubscriptionErrors {
		c.push(protocol.SubscriptionError(channel, why))
	}
}

// member is who subscribes: whom the backend signed, or who has signed in.
func (c *Conn) member(app *auth.App, request protocol.Subscribe) (*protocol.Member, *protocol.Error) {
	switch {
	case request.ChannelData != nil:
		m, err := protocol.ParseMember(*request.ChannelData, app.Limits)
		return &m, err
	case c.user != nil:
		return c.user, nil
	default:
		return nil, protocol.ErrNoMember(request.Channel)
	}
}

func (c *Conn) unsubscribe(m protocol.Message) *protocol.Error {
	name, err := m.Unsubscribe()
	if err != nil {
		return err
	}
	s := c.release(name)
	if s == nil {
		return protocol.ErrNoSubscription(name)
	}
	c.hub.leave(s)
	return nil
}

// hold registers s under the channel's name, unless there is one already, or there are as
// many as may be.
func (c *Conn) hold(s *subscription, name string, app *auth.App) *protocol.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := app.Limits.ChannelsPerConnection
	switch {
	case c.subscriptions == nil || c.subscriptions[name] != nil:
		return protocol.ErrExistingSubscription(name)
	case limit > 0 && len(c.subscriptions) >= limit:
		c.hub.metrics.Limited.WithLabelValues(app.ID, "channels").Inc()
		return protocol.ErrTooManyChannels(name, limit)
	}
	c.subscriptions[name] = s
	return nil
}

// release takes the subscription of the channel out of the register.
func (c *Conn) release(name string) *subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.subscriptions[name]
	delete(c.subscriptions, name)
	return s
}

// refuse tells the client that a subscription that waited will not succeed.
func (c *Conn) refuse(s *subscription, why *protocol.Error) {
	c.mu.Lock()
	if c.subscriptions[s.channel.key.name] == s {
		delete(c.subscriptions, s.channel.key.name)
	}
	c.mu.Unlock()
	if s.grant != nil {
		c.noteDenied(s.channel.key.name, s.grant.to, why)
		s.noteEnd()
	}
	c.subscriptionError(c.app.Load(), s.channel.key.name, why)
	c.push(why.Frame())
}
