package relay

import (
	"strings"

	"buildrelay/protocol"
)

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
	case strings.HasPrefix(m.Event, "client-"):
		return protocol.ErrClientEventsOff()
	default:
		return protocol.ErrUnsupportedEvent(m.Event)
	}
}

func (c *Conn) subscribe(m protocol.Message) *protocol.Error {
	request, err := m.Subscribe()
	if err != nil {
		return err
	}
	if err := protocol.CheckChannel(request.Channel, c.app.Limits.ChannelName); err != nil {
		return err
	}
	if kind := protocol.KindOf(request.Channel); !supported(kind) {
		return protocol.ErrUnsupportedChannel(request.Channel)
	}
	if err := c.app.CheckSubscribe(c.id, request); err != nil {
		return err
	}
	s := &subscription{conn: c, prelude: protocol.Succeeded(request.Channel), lag: -1}
	if rule := c.app.Logs.Find(request.Channel); rule != nil {
		s.replay = newReplay(request, rule)
		if request.StartError != nil {
			s.prelude = append(request.StartError.Frame(), s.prelude...)
		}
	}
	if !c.hold(s, request.Channel) {
		return protocol.ErrExistingSubscription(request.Channel)
	}
	c.hub.subscribe(s, request.Channel)
	return nil
}

// supported says which kinds of channels this version serves.
func supported(k protocol.Kind) bool {
	return k == protocol.Public || k == protocol.Private || k == protocol.Encrypted
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
