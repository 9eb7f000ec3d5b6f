package main_test

import (
	"fmt"
	"testing"

	"buildrelay/relay/relaytest"
)

// More users than a channel takes come and go, each in two tabs and faster than anybody
// can be refused. That harms nobody, and in the end there is room again.
func TestFullChannelsFlap(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 2, map[string]string{"RELAY_APP_MAX_MEMBERS": "3"})
	const channel = "presence-full"
	p := n.place(t, 2, "")
	clients := make([]*relaytest.WSClient, 12)
	for i := range clients {
		clients[i] = p.connect(i)
	}
	for round := range 100 {
		for i, c := range clients {
			c.Request(channel, fmt.Sprintf(`{"user_id":"u%d"}`, (i+round)%6))
			if (i+round)%3 > 0 {
				c.Unsubscribe(channel)
			}
		}
	}
	for _, c := range clients {
		c.Unsubscribe(channel)
		c.Send(`{"event":"pusher:ping","data":{}}`)
		c.Await("pusher:pong")
	}
	for i := range p.nodes {
		p.on(i).Eventually("the channel is empty", func() bool { return len(usersOf(t, p.on(i), channel)) == 0 })
	}
	for i := range 3 {
		p.connect(i).Join(channel, fmt.Sprintf("v%d", i))
	}
	late := p.connect(1)
	late.Request(channel, `{"user_id":"v3"}`)
	late.ExpectError(0, channel)
	late.Join(channel, "v2")
}
