package relaytest

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Client is a client of the relay whatever it is connected over: what a script needs that
// is the same over a [WSClient] and an [XHRClient].
type Client struct {
	// SocketID is set by Established.
	SocketID string

	t    testing.TB
	send func(text string) error
	came *journal[Received]
	next int // index in came of what has not been expected yet
}

func newClient(t testing.TB, send func(text string) error) *Client {
	return &Client{t: t, send: send, came: newJournal[Received]()}
}

// Send sends a text message.
func (c *Client) Send(text string) {
	c.t.Helper()
	if err := c.send(text); err != nil {
		c.t.Fatalf("sending %.200s: %v", text, err)
	}
}

// Received is something that came from the relay.
type Received struct {
	// Kind is "message", "ping", "pong", "close", "cut" when the connection ended
	// without a close frame, or "garbage" when a message is no JSON object. With the HTTP
	// fallback it is "open", "heartbeat" or "nothing" (no message at all), too, and
	// "garbage" is whatever pusher-js fails at.
	Kind string
	// Text is the message as it came, the payload of a ping or pong, the reason of
	// a close, the error of a cut.
	Text string
	// Code is the code of a close.
	Code int
	// The members of a message; Data is raw JSON, nil if absent.
	Event, Channel, UserID string
	Data                   json.RawMessage
}

// DataString is the string that the message's data must be.
func (r Received) DataString(t testing.TB) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(r.Data, &s); err != nil {
		t.Fatalf("data is no string in %s", r.Text)
	}
	return s
}

func parseReceived(message []byte) Received {
	received := Received{Kind: "message", Text: string(message)}
	var members struct {
		Event   string          `json:"event"`
		Channel string          `json:"channel"`
		UserID  string          `json:"user_id"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(bytes.NewReader(message)).Decode(&members); err != nil {
		received.Kind = "garbage"
		return received
	}
	received.Event, received.Channel = members.Event, members.Channel
	received.UserID, received.Data = members.UserID, members.Data
	return received
}
