package relay

import (
	"context"
	"time"

	"buildrelay/protocol"
)

// publishTimeout is how long the publishing of a client's event may take.
const publishTimeout = 2500 * time.Millisecond

// Publisher publishes events of one app in order. It waits for Redis.
type Publisher interface {
	Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error)
}

// clientEvent publishes an event for the other subscribers of its channel. Meanwhile no
// more is read from the client.
func (c *Conn) clientEvent(m protocol.Message) *protocol.Error {
	app := c.app.Load()
	if !app.ClientEvents {
		return protocol.ErrClientEventsOff()
	}
	e, err := m.ClientEvent()
	if err != nil {
		return err
	}
	s, err := c.sender(e.Channel)
	if err != nil {
		return err
	}
	if err := e.Check(app.Limits); err != nil {
		return err
	}
	if !c.sent.events.take(time.Now(), app.Limits.ClientEvents) {
		c.hub.metrics.Limited.WithLabelValues(app.ID, "client_events").Inc()
		return protocol.ErrClientEventRate()
	}
	e.Exclude = c.id
	if s.member != nil {
		e.UserID = s.member.ID
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	if _, err := c.hub.config.Publisher.Publish(ctx, app.ID, []protocol.Event{e}); err != nil {
		return protocol.ErrClientEventLost()
	}
	s.channel.note(protocol.Occurrence{
		Kind: protocol.HookClientEvent, UserID: e.UserID, Event: e.Name, Data: e.Data, SocketID: c.id,
	})
	return nil
}

// sender returns the subscription that lets the client send to a channel.
func (c *Conn) sender(channel string) (*subscription, *protocol.Error) {
	if !protocol.KindOf(channel).TakesClientEvents() {
		return nil, protocol.ErrClientEventKind()
	}
	c.mu.Lock()
	s := c.subscriptions[channel]
	c.mu.Unlock()
	if s == nil || !s.channel.reads(s) {
		return nil, protocol.ErrClientEventNotSubscribed(channel)
	}
	return s, nil
}

// reads says whether the subscription has succeeded.
func (ch *channel) reads(s *subscription) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return s.shard != nil
}

// window counts what happens in a second, which begins with the first of it.
type window struct {
	start time.Time
	count int
}

// take says whether one more may happen; 0 means that any number may.
func (w *window) take(now time.Time, limit int) bool {
	if now.Sub(w.start) >= time.Second {
		w.start, w.count = now, 0
	}
	if limit > 0 && w.count >= limit {
		return false
	}
	w.count++
	return true
}
