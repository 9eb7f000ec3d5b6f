package relaytest

import "encoding/json"

// Presence is who is on a presence channel, as subscription_succeeded has it.
type Presence struct {
	Count int                        `json:"count"`
	IDs   []string                   `json:"ids"`
	Hash  map[string]json.RawMessage `json:"hash"` // id → info
}

// member is the data of member_added and member_removed.
type member struct {
	ID   *string         `json:"user_id"`
	Info json.RawMessage `json:"user_info"`
}

// Join subscribes to a presence channel as a user without info and expects success as
// the next message.
func (c *Client) Join(channel, userID string) Presence {
	c.t.Helper()
	return c.JoinWith(channel, `{"user_id":`+encode(c.t, userID)+`}`)
}

// JoinWith is Join with channel data.
func (c *Client) JoinWith(channel, channelData string) Presence {
	c.t.Helper()
	c.Request(channel, channelData)
	return c.ExpectPresence(channel)
}

// ExpectPresence is Next, which must be the success of a subscription to a presence
// channel, whole and free of contradictions.
func (c *Client) ExpectPresence(channel string) Presence {
	c.t.Helper()
	r := c.Expect("pusher_internal:subscription_succeeded")
	var data struct {
		Presence *Presence `json:"presence"`
	}
	err := json.Unmarshal([]byte(r.DataString(c.t)), &data)
	if err != nil || data.Presence == nil || r.Channel != channel {
		c.t.Fatalf("the success on %s is %s: %v", channel, r.Text, err)
	}
	p := *data.Presence
	if p.Count != len(p.IDs) || p.Count != len(p.Hash) {
		c.t.Errorf("counts %d, lists %d and has the info of %d: %s", p.Count, len(p.IDs), len(p.Hash), r.Text)
	}
	for _, id := range p.IDs {
		if _, ok := p.Hash[id]; !ok {
			c.t.Errorf("%q is listed but has no info: %s", id, r.Text)
		}
	}
	return p
}

// ExpectJoined is Next, which must be that the user joined, and returns the info.
func (c *Client) ExpectJoined(channel, userID string) string {
	c.t.Helper()
	return string(c.expectMember("pusher_internal:member_added", channel, userID).Info)
}

// ExpectLeft is Next, which must be that the user left.
func (c *Client) ExpectLeft(channel, userID string) {
	c.t.Helper()
	c.expectMember("pusher_internal:member_removed", channel, userID)
}

func (c *Client) expectMember(event, channel, userID string) member {
	c.t.Helper()
	r := c.Expect(event)
	var m member
	err := json.Unmarshal([]byte(r.DataString(c.t)), &m)
	if err != nil || m.ID == nil || *m.ID != userID || r.Channel != channel {
		c.t.Fatalf("expected %s of %q on %s, got %s\n%s", event, userID, channel, r.Text, c.said())
	}
	return m
}
