package main_test

import (
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// What somebody publishes where the nodes tell each other who joined and left is not
// believed where it cannot be read, or does not follow from what is known.
func TestRosterMessagesThatCannotBeReadAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const channel = "presence-x"
	forge := func(message string) {
		t.Helper()
		if err := w.redis.Client().Publish(t.Context(), "buildrelay:~roster:3:"+channel, message).Err(); err != nil {
			t.Fatal(err)
		}
	}
	a := w.Connect()
	a.Join(channel, "a")
	invalid := garbage()
	delete(invalid, "10 MB") // on a busy machine it takes longer than a link may be silent
	for name, message := range map[string]string{
		"numbers":       `{"e":"e","p":1,"v":2,"join":"ghost","info":""}`,
		"no version":    `{"e":"e","p":"1","join":"ghost","info":""}`,
		"two changes":   `{"e":"e","p":"1","v":"2","join":"ghost","info":"","leave":"a"}`,
		"bad info":      `{"e":"e","p":"1","v":"2","join":"ghost","info":"[]"}`,
		"a long id":     `{"e":"e","p":"1","v":"2","join":"` + strings.Repeat("x", 129) + `","info":""}`,
		"a count of -1": `{"e":"e","p":"1","v":"2","count":"-1"}`,
	} {
		invalid[name] = message
	}
	dropped := w.counting(`buildrelay_redis_messages_dropped_total{reason="invalid"}`)
	for name, message := range invalid {
		t.Log(name)
		forge(message)
	}
	dropped(t, len(invalid))
	for _, message := range []string{
		`{"e":"other","p":"1","v":"2","join":"ghost","info":""}`,
		`{"e":"other","p":"1","v":"2","leave":"a"}`,
		`{"e":"other","p":"1","v":"9007199254740993","count":"7"}`,
		`{"e":"other","p":"1","v":"2","end":"1"}`,
	} {
		forge(message)
	}
	b := w.Connect()
	expectMembers(t, b.Join(channel, "b"), map[string]string{"a": "{}", "b": "{}"})
	a.ExpectJoined(channel, "b")
	a.ExpectOpen()
}

// Who comes and goes at once leaves nothing behind.
func TestPresenceLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_WATCHLISTS": "true", "RELAY_APP_SUBSCRIPTION_COUNTS": "true"})
	settled := w.settled(t)
	t.Run("clients", func(t *testing.T) {
		w := world{w.For(t), w.redis}
		for i := range 200 {
			c := w.Connect()
			c.SendSignin(`{"id":"u","watchlist":["v","w"]}`)
			c.Request("presence-brief", `{"user_id":"u"}`)
			c.Request("brief", "")
			c.Request("private-cache-brief", "")
			if i%2 == 0 {
				c.Unsubscribe("presence-brief")
			}
			if i%3 == 0 {
				c.Await("pusher:signin_success")
			}
			c.Cut()
		}
	})
	w.expectGone()
	w.Eventually("Redis has no rows", func() bool { return len(rosterRows(t, w.redis)) == 0 })
	if w.occupied("presence-brief") || w.occupied("brief") {
		t.Error("a channel is still occupied")
	}
	settled()
}

// rosterRows are the keys in which the nodes tell Redis who is where.
func rosterRows(t *testing.T, server *relaytest.Redis) (rows []string) {
	t.Helper()
	keys, err := server.Client().Keys(t.Context(), "buildrelay:{~roster:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		for _, kind := range []string{"}:c:", "}:m:", "}:o:", "}:of:"} {
			if strings.Contains(key, kind) {
				rows = append(rows, key)
			}
		}
	}
	return rows
}
