package relaytest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Next is the next message, close, cut or garbage that has not been returned yet. Pings,
// pongs and what the HTTP fallback has beside messages are passed over.
func (c *Client) Next() Received {
	c.t.Helper()
	return c.await("anything", Received.matters)
}

// Expect is Next, which must be a message with this event.
func (c *Client) Expect(event string) Received {
	c.t.Helper()
	r := c.Next()
	if r.Kind != "message" || r.Event != event {
		c.t.Fatalf("expected the event %s, got %s\n%s", event, r, c.said())
	}
	return r
}

// ExpectError is Next, which must be a pusher:error with an object as data: code,
// 0 for null, and a text that contains what is given.
func (c *Client) ExpectError(code int, text string) Received {
	c.t.Helper()
	r := c.Expect("pusher:error")
	var data struct {
		Code    *int   `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(r.Data, &data); err != nil {
		c.t.Fatalf("the data of pusher:error is no object: %s", r.Text)
	}
	got := 0
	if data.Code != nil {
		got = *data.Code
	}
	if got != code || !strings.Contains(data.Message, text) {
		c.t.Fatalf("expected the error %d %q, got %s", code, text, r.Text)
	}
	return r
}

// ExpectClose is Next, which must be a close frame with code.
func (c *Client) ExpectClose(code int) Received {
	c.t.Helper()
	r := c.Next()
	if r.Kind != "close" || r.Code != code {
		c.t.Fatalf("expected a close frame with %d, got %s\n%s", code, r, c.said())
	}
	return r
}

// ExpectOpen asks the relay for a pusher:pong: the connection lives, and all that
// was sent before has been dealt with. The pong must be Next.
func (c *Client) ExpectOpen() {
	c.t.Helper()
	c.Send(`{"event":"pusher:ping","data":{}}`)
	if data := c.Expect("pusher:pong").DataString(c.t); data != "{}" {
		c.t.Fatalf("pusher:pong has the data %q", data)
	}
}

// Await passes over messages until one with this event comes.
func (c *Client) Await(event string) Received {
	c.t.Helper()
	return c.await("the event "+event, func(r Received) bool { return r.Kind == "message" && r.Event == event })
}

// AwaitPing passes over everything until a ping comes.
func (c *Client) AwaitPing() Received {
	c.t.Helper()
	return c.await("a ping", func(r Received) bool { return r.Kind == "ping" })
}

// AwaitHeartbeat passes over everything until a heartbeat of the HTTP fallback comes.
func (c *Client) AwaitHeartbeat() Received {
	c.t.Helper()
	return c.await("a heartbeat", func(r Received) bool { return r.Kind == "heartbeat" })
}

// AwaitPong passes over everything until a pong comes.
func (c *Client) AwaitPong() Received {
	c.t.Helper()
	return c.await("a pong", func(r Received) bool { return r.Kind == "pong" })
}

// Received is everything that came so far.
func (c *Client) Received() []Received { return c.came.all() }

// Established expects the handshake message and keeps its socket id.
func (c *Client) Established() string {
	c.t.Helper()
	var data struct {
		SocketID string `json:"socket_id"`
	}
	r := c.Expect("pusher:connection_established")
	if err := json.Unmarshal([]byte(r.DataString(c.t)), &data); err != nil {
		c.t.Fatalf("reading the handshake %s: %v", r.Text, err)
	}
	c.SocketID = data.SocketID
	return data.SocketID
}

// String is for the messages of failing tests.
func (r Received) String() string {
	if r.Kind == "close" {
		return fmt.Sprintf("close %d %s", r.Code, r.Text)
	}
	return fmt.Sprintf("%s %.500s", r.Kind, r.Text)
}

// matters says whether it is more than a sign of life.
func (r Received) matters() bool {
	switch r.Kind {
	case "ping", "pong", "open", "heartbeat", "nothing":
		return false
	default:
		return true
	}
}

func (c *Client) await(what string, match func(Received) bool) Received {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), Patience)
	defer cancel()
	r, at, err := c.came.find(ctx, c.next, match)
	if err != nil {
		c.t.Fatalf("waiting for %s: %v\n%s", what, err, c.said())
	}
	c.next = at + 1
	return r
}

// said is what came so far, the newest 20 of it.
func (c *Client) said() string {
	all := c.came.all()
	all = all[max(0, len(all)-20):]
	lines := make([]string, len(all))
	for i, r := range all {
		lines[i] = "  " + r.String()
	}
	return "came:\n" + strings.Join(lines, "\n")
}
