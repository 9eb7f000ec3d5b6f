package visit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"buildrelay/auth"
)

// Event is a message of the relay.
type Event struct {
	Event   string `json:"event"`
	Channel string `json:"channel"`
	Data    string `json:"data"` // as all messages to clients have it but pusher:error
}

// Socket is a WebSocket to a relay. Nothing but Close may be called from two goroutines.
type Socket struct {
	// ID is its socket id.
	ID string

	conn *websocket.Conn
}

// Connect connects by a WebSocket, and waits until the relay has greeted. The socket has to be
// closed.
func Connect(ctx context.Context, r Relay) (*Socket, error) {
	scheme := map[string]string{"https": "wss", "http": "ws"}[r.URL.Scheme]
	dialer := websocket.Dialer{TLSClientConfig: r.TLS.Clone()}
	target := r.at(scheme, "/app/"+r.Key) + "?" + url.Values{"protocol": {"7"}, "client": {"buildrelay-check"}, "version": {"1"}}.Encode()
	conn, response, err := dialer.DialContext(ctx, target, nil)
	if response != nil {
		_ = response.Body.Close() // gorilla has read it
	}
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && response != nil:
		return nil, fmt.Errorf("the answer to the upgrade was %s", response.Status)
	case err != nil:
		return nil, err
	}
	s := &Socket{conn: conn}
	conn.SetReadLimit(mostBytes)
	greeting, err := s.Await(ctx, "pusher:connection_established", "")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	var greeted struct {
		ID string `json:"socket_id"`
	}
	if err := json.Unmarshal([]byte(greeting.Data), &greeted); err != nil {
		return nil, errors.Join(fmt.Errorf("reading the greeting: %w", err), s.Close())
	}
	s.ID = greeted.ID
	return s, nil
}

// Close ends the connection.
func (s *Socket) Close() error { return s.conn.Close() }

// Subscribe subscribes to a private channel, and waits until that is confirmed.
func (s *Socket) Subscribe(ctx context.Context, key auth.Key, channel string) error {
	data := map[string]string{"channel": channel, "auth": auth.SignChannel(key, s.ID, channel, nil)}
	deadline, _ := ctx.Deadline()
	_ = s.conn.SetWriteDeadline(deadline) // never fails
	if err := s.conn.WriteJSON(map[string]any{"event": "pusher:subscribe", "data": data}); err != nil {
		return err
	}
	_, err := s.Await(ctx, "pusher_internal:subscription_succeeded", channel)
	return err
}

// Await waits for an event of a channel; others are passed over. An error that the relay tells is
// one.
func (s *Socket) Await(ctx context.Context, event, channel string) (Event, error) {
	for {
		message, err := s.read(ctx)
		if err != nil {
			return Event{}, fmt.Errorf("waiting for %s: %w", event, err)
		}
		var e Event
		if json.Unmarshal(message, &e) == nil && e.Event == event && e.Channel == channel {
			return e, nil
		}
		if e.Event == "pusher:error" {
			return Event{}, fmt.Errorf("waiting for %s: the relay said %.300q", event, message)
		}
	}
}

// errPinged ends a read by a ping.
var errPinged = errors.New("a ping came")

// AwaitPing waits for the relay's next ping, and says nothing meanwhile. It is the last that a socket
// does.
func (s *Socket) AwaitPing(ctx context.Context) error {
	s.conn.SetPingHandler(func(string) error { return errPinged })
	for {
		switch _, err := s.read(ctx); {
		case errors.Is(err, errPinged):
			return nil
		case err != nil:
			return err
		}
	}
}

// read reads a message, for as long as ctx lets it.
func (s *Socket) read(ctx context.Context) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now()) })
	defer stop()
	_, message, err := s.conn.ReadMessage()
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return message, err
}
