package relay

import "buildrelay/protocol"

// Receive handles one message from the client. It may wait, see [Conn.Reply].
func (c *Conn) Receive(p []byte) {
	c.Seen()
	c.hub.metrics.Messages.WithLabelValues(c.app.ID).Inc()
	m, err := protocol.ParseMessage(p)
	if err == nil {
		err = c.handle(m)
	}
	if err != nil {
		c.hub.metrics.ClientErrors.WithLabelValues(c.app.ID).Inc()
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

func (c *Conn) subscribe(m protocol.Message) *protocol.Error {
	request, err := m.Subscribe()
	if err != nil {
		return err
	}
	name := request.Channel
	if err := protocol.CheckChannel(name, c.app.Limits.ChannelName); err != nil {
		return err
	}
	kind := protocol.KindOf(name)
	if kind == protocol.User && (c.user == nil || name != protocol.UserPrefix+c.user.ID) {
		return protocol.ErrNotSignedIn(name)
	}
	if err := c.app.CheckSubscribe(c.id, request); err != nil {
		return err
	}
	s, err := c.newSubscription(request, kind)
	if err != nil {
		return err
	}
	if !c.hold(s, name) {
		return protocol.ErrExistingSubscription(name)
	}
	if kind.NeedsAuth() {
		c.authorized.Store(true)
	}
	c.hub.subscribe(s, name)
	return nil
}

// newSubscription returns a subscription that was granted.
func (c *Conn) newSubscription(request protocol.Subscribe, kind protocol.Kind) (*subscription, *protocol.Error) {
	s := &subscription{conn: c, lag: -1}
	if kind.Presence() {
		var err *protocol.Error
		s.member, err = c.member(request)
		return s, err
	}
	s.prelude = protocol.Succeeded(request.Channel)
	if rule := c.app.Logs.Find(request.Channel); rule != nil {
		s.replay = newReplay(request, rule)
		if request.StartError != nil {
			s.prelude = append(request.StartError.Frame(), s.prelude...)
		}
	}
	return s, nil
}

// member is who subscribes: whom the backend signed, or who has signed in.
func (c *Conn) member(request protocol.Subscribe) (*protocol.Member, *protocol.Error) {
	switch {
	case request.ChannelData != nil:
		m, err := protocol.ParseMember(*request.ChannelData, c.app.Limits)
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

// hold registers s under the channel's name, unless there is one already.
func (c *Conn) hold(s *subscription, name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subscriptions == nil || c.subscriptions[name] != nil {
		return false
	}
	c.subscriptions[name] = s
	return true
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
	c.push(why.Frame())
}
