package relaytest

import (
	"fmt"
	"strings"

	"buildrelay/auth"
)

// Request asks for a subscription to a channel of the fixture's app, signed where that
// is needed; channelData, if not empty, is signed and sent byte for byte. The answer is
// for the caller to expect.
func (c *Client) Request(channel, channelData string) {
	c.t.Helper()
	data := map[string]string{"channel": channel, "auth": ""}
	var signed *string
	if channelData != "" {
		data["channel_data"], signed = channelData, &channelData
	}
	if strings.HasPrefix(channel, "private-") || strings.HasPrefix(channel, "presence-") {
		data["auth"] = auth.SignChannel(auth.Key{Key: Key, Secret: Secret}, c.SocketID, channel, signed)
	}
	c.Send(`{"event":"pusher:subscribe","data":` + encode(c.t, data) + `}`)
}

// Subscribe subscribes to a channel that is no presence channel and expects success as
// the next message.
func (c *Client) Subscribe(channel string) {
	c.t.Helper()
	c.Request(channel, "")
	r := c.Expect("pusher_internal:subscription_succeeded")
	if r.Channel != channel || r.DataString(c.t) != "{}" {
		c.t.Fatalf("subscribed to %s, but got %s", channel, r.Text)
	}
}

// Unsubscribe ends a subscription; nothing answers that.
func (c *Client) Unsubscribe(channel string) {
	c.t.Helper()
	c.Send(`{"event":"pusher:unsubscribe","data":{"channel":` + encode(c.t, channel) + `}}`)
}

// Trigger sends a client event; data is JSON.
func (c *Client) Trigger(channel, event, data string) {
	c.t.Helper()
	c.Send(fmt.Sprintf(`{"event":%s,"channel":%s,"data":%s}`, encode(c.t, event), encode(c.t, channel), data))
}
