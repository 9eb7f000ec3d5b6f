package main_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Row 26: of a parameter that comes twice the first counts, as in any URL of a client.
func TestAProtocolThatIsSaidTwiceIsTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for query, code := range map[string]int{"?protocol=7&protocol=3": 0, "?protocol=3&protocol=7": 4007, "?protocol=5;6&protocol=7": 4006} {
		w.run(t, query, func(t *testing.T, w world) {
			c := relaytest.DialWS(t, base(w)+relaytest.Key+query, relaytest.WSOptions{})
			if code == 0 {
				checkGreeting(t, c)
				return
			}
			c.ExpectError(code, "")
			c.ExpectClose(code)
		})
	}
}

// Row 30: an event's name is a name, whatever it means in some language.
func TestNamesOfMethodsAreNoMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.Connect()
	for _, name := range []string{
		"constructor", "prototype", "toString", "send", "exit", "exit!", "instance_eval", "Close", "String", "close_connection_after_writing",
		"../../etc/passwd", "/apps/3/events", "%s%n", "${jndi:ldap://x}", "pusher:", "pusher:__proto__", "pusher:Subscribe",
	} {
		c.Send(fmt.Sprintf(`{"event":%q,"data":{"channel":"a"}}`, name))
		c.ExpectError(0, "Unsupported event received on socket: "+name)
	}
	c.ExpectOpen()
}

// Row 32: what one connection may ask for has bounds where the app sets them.
func TestSubscriptionsHaveTheBoundsOfTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_LIMITS": "channels_per_connection=3"})
	c := w.Connect()
	for i := range 3 {
		c.Subscribe(fmt.Sprint("c", i))
	}
	for range 100 {
		c.Request("c3", "")
		c.ExpectError(0, "a connection may have 3")
	}
	c.Unsubscribe("c0")
	c.Subscribe("c3")
	c.ExpectOpen()
}

// Row 46: a position is somebody's claim. What it is not true of is told, and nothing else is
// shown than what the client may see anyway.
func TestPositionsThatNobodyGaveOutDoNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_LOG_RULES": "log-* replay=all"})
	for _, channel := range []string{"log-a", "log-b"} {
		for i := range 3 {
			w.publish("line", fmt.Sprint(channel, i), channel)
		}
	}
	c := w.Connect()
	c.Subscribe("log-b")
	others := positionOf(t, c.Expect("line"))
	stranger := w.Connect()
	stranger.Send(subscribing(`"channel":"log-a","since":"` + others + `","since":"` + others + `"`))
	stranger.ExpectError(0, `"since" comes twice`)
	for name, where := range map[string]string{
		"another channel's":  `"since":"` + others + `"`,
		"an epoch, guessed":  `"since":"0123456789abcdef:1-1"`,
		"2^64":               `"since":"` + others[:16] + `:18446744073709551616-1"`,
		"2^63":               `"since":"` + others[:16] + `:9223372036854775808-1"`,
		"ahead of the end":   `"since":"` + others[:16] + `:1000000-1"`,
		"negative":           `"since":"` + others[:16] + `:-1-1"`,
		"no text":            `"since":7`,
		"60,000 digits":      `"since":"` + strings.Repeat("0", 60_000) + `"`,
		"a rewind of 10^9":   `"rewind":{"count":1000000000}`,
		"a rewind of 10^30":  `"rewind":{"count":1` + strings.Repeat("0", 30) + `}`,
		"a rewind of -1":     `"rewind":{"count":-1}`,
		"a rewind of 10^9 B": `"rewind":{"bytes":1000000000}`,
	} {
		w.run(t, name, func(t *testing.T, w world) {
			reader := w.Connect()
			reader.Send(subscribing(`"channel":"log-a",` + where))
			reader.Await("pusher_internal:subscription_succeeded")
			last := "last-" + strings.ReplaceAll(name, " ", "-")
			w.publish(last, "{}", "log-a")
			for r := reader.Next(); r.Event != last; r = reader.Next() {
				if r.Channel != "log-a" {
					t.Errorf("shown %s", r.Text)
				}
			}
			reader.ExpectOpen()
		})
	}
}

// positionOf is where a log was when an event came.
func positionOf(t *testing.T, r relaytest.Received) string {
	t.Helper()
	_, after, found := strings.Cut(r.Text, `"relay":"`)
	position, _, closed := strings.Cut(after, `"`)
	if !found || !closed {
		t.Fatalf("%s has no position", r.Text)
	}
	return position
}

// Row 92: what a webhook shows is a signature by the app's own key, and opens nothing.
func TestTheSignatureOfAWebhookOpensNothing(t *testing.T) {
	t.Parallel()
	hooks := relaytest.StartHooks(t)
	w := newWorld(t, hookEnv(hooks))
	c := w.Connect()
	c.Subscribe("news")
	call := hooks.ExpectCall(1)
	signature := call.Header.Get("X-Pusher-Signature")
	query := sign("POST", "/apps/3/events", call.Body)
	before, after, _ := strings.Cut(query, "auth_signature=")
	_, rest, _ := strings.Cut(after, "&")
	if status, reply := w.Do("POST", "/apps/3/events?"+before+"auth_signature="+signature+"&"+rest, call.Body); status != 401 {
		t.Errorf("a call is answered %d %s", status, reply)
	}
	c.Send(subscribing(`"channel":"private-a","auth":"` + relaytest.Key + ":" + signature + `"`))
	c.ExpectError(0, "Invalid signature")
	c.SendSignedIn(relaytest.Key+":"+signature, call.Body)
	c.ExpectError(0, "Invalid signature")
}
