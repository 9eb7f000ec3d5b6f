package trials_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// Clients whose network is gone close nothing. They are freed when they have not answered
// a ping, and who looks at their channels sees them leave.
func TestHalfOpenClientsAreFreed(t *testing.T) {
	t.Parallel()
	// Who does not answer is told so, and has the time of a farewell.
	const pingAfter, pongTimeout, farewell = 2 * second, second, 5 * second
	clients, room := 120, 20
	if relaytest.Full() {
		clients = 1000
	}
	far, link := relaytest.NewNamespace(t)
	relay := relaytest.StartRelay(t, map[string]string{
		"RELAY_REDIS_URL": relaytest.StartRedis(t).URL(), "RELAY_LOG_LEVEL": "info",
		"RELAY_LISTEN": link.Outside + ":0", "RELAY_ACKNOWLEDGE_INSECURE": "true",
		"RELAY_ACTIVITY_TIMEOUT": "2s", "RELAY_PING_AFTER": pingAfter.String(), "RELAY_PONG_TIMEOUT": pongTimeout.String(),
	})
	near := relay.Connect()
	channel := func(client int) string { return fmt.Sprintf("presence-far-%d", client/room) }
	for client := range clients {
		if client%room == 0 {
			near.Join(channel(client), "near")
		}
		c := relay.Dial(relaytest.WSOptions{Dial: far.Dial})
		c.Established()
		c.Join(channel(client), fmt.Sprint(client))
		near.ExpectJoined(channel(client), fmt.Sprint(client))
	}
	expectConnections(relay, 1+clients)

	link.Cut()
	cut, first := time.Now(), time.Duration(0)
	gone := make(map[string]bool)
	for len(gone) < clients {
		gone[userWhoLeft(t, near)] = true
		if len(gone) == 1 {
			first = time.Since(cut)
		}
	}
	all := time.Since(cut)
	t.Logf("%d half-open clients were seen to leave from %s to %s after the cut", clients, first.Round(time.Millisecond), all.Round(time.Millisecond))
	if first < second/2 {
		t.Errorf("the first has left after %s: it was not half open", first)
	}
	if most := pingAfter + pongTimeout + farewell + soon(); all > most {
		t.Errorf("the last has left after %s, not within %s", all, most)
	}
	expectConnections(relay, 1)
	near.ExpectOpen()
}

func expectConnections(relay *relaytest.Relay, want int) {
	relay.ExpectMetric(fmt.Sprintf(`buildrelay_connections{app=%q}`, relaytest.AppID), fmt.Sprintf("is %d", want),
		func(n float64) bool { return n == float64(want) })
}

// userWhoLeft waits until a user is said to have left.
func userWhoLeft(t *testing.T, c *relaytest.WSClient) string {
	t.Helper()
	var data struct {
		User string `json:"user_id"`
	}
	r := c.Expect("pusher_internal:member_removed")
	if err := json.Unmarshal([]byte(r.DataString(t)), &data); err != nil {
		t.Fatalf("reading %s: %v", r.Text, err)
	}
	return data.User
}
