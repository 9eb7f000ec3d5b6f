package main_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

var socketID = regexp.MustCompile(`^[1-9]\d*\.[1-9]\d*$`)

// base is the relay's address for WebSockets.
func base(w world) string {
	return strings.TrimSuffix(w.SocketURL(""), "?protocol=7&client=js&version=8.6.0&flash=false")
}

// checkGreeting looks at the first frame and returns the socket id in it.
func checkGreeting(t *testing.T, c *relaytest.WSClient) string {
	t.Helper()
	greeting := c.Expect("pusher:connection_established")
	if strings.Contains(greeting.Text, `"channel"`) {
		t.Errorf("the greeting names a channel: %s", greeting.Text)
	}
	var data struct {
		SocketID        string      `json:"socket_id"`
		ActivityTimeout json.Number `json:"activity_timeout"`
	}
	if err := json.Unmarshal([]byte(greeting.DataString(t)), &data); err != nil {
		t.Fatalf("the greeting's data: %v in %s", err, greeting.Text)
	}
	if !socketID.MatchString(data.SocketID) {
		t.Errorf("the socket id is %q", data.SocketID)
	}
	if seconds, err := data.ActivityTimeout.Int64(); err != nil || seconds != 120 {
		t.Errorf("activity_timeout is %s, want 120", data.ActivityTimeout)
	}
	return data.SocketID
}

func TestClientsOfEveryKindAreGreeted(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		queries := map[string]string{
			"pusher-js 8":          "?protocol=7&client=js&version=8.6.0&flash=false",
			"Java":                 "?client=java-client&protocol=5&version=2.4.4",
			".NET":                 "?protocol=5&client=pusher-dotnet-client&version=1.1.1",
			"Swift":                "?client=pusher-websocket-swift&version=10.1.0&protocol=7",
			"no query":             "",
			"protocol 4":           "?protocol=4",
			"protocol 6 and Flash": "?protocol=6&client=js&version=2.0.0&flash=true",
			"an empty protocol":    "?protocol=",
			"a version that is no": "?protocol=7&version=none",
		}
		for name, query := range queries {
			w.run(t, name, func(t *testing.T, w world) {
				c := relaytest.DialWS(t, base(w)+relaytest.Key+query, options(w))
				checkGreeting(t, c)
				c.ExpectOpen()
			})
		}
		w.run(t, "a key that is escaped", func(t *testing.T, w world) {
			c := relaytest.DialWS(t, base(w)+"%32"+relaytest.Key[1:], options(w))
			checkGreeting(t, c)
		})
	})
}

func options(w world) relaytest.WSOptions {
	if w.Certs == nil {
		return relaytest.WSOptions{}
	}
	return relaytest.WSOptions{TLS: w.Certs.Client()}
}

func TestSubprotocolIsSelectedOnlyIfItIsOfferedAndKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	cases := map[string]struct {
		offered []string
		want    string
	}{
		"ours":          {[]string{"pusher-channels-protocol-7"}, "pusher-channels-protocol-7"},
		"another first": {[]string{"foo", "pusher-channels-protocol-5"}, "pusher-channels-protocol-5"},
		"none":          {nil, ""},
		"unknown":       {[]string{"foo"}, ""},
		"too new":       {[]string{"pusher-channels-protocol-8"}, ""},
	}
	for name, c := range cases {
		w.run(t, name, func(t *testing.T, w world) {
			client := w.Dial(relaytest.WSOptions{Subprotocols: c.offered})
			got, sent := client.Response.Header["Sec-Websocket-Protocol"]
			if sent != (c.want != "") || sent && got[0] != c.want {
				t.Errorf("offered %q, got %q, want %q", c.offered, got, c.want)
			}
			checkGreeting(t, client)
		})
	}
}

// A browser does not see a status: who is refused is upgraded first, told an error
// with a numeric code, and closed with the same code.
func TestRefusalsAreToldAfterTheUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	long := strings.Repeat("k", 10_000)
	cases := map[string]struct {
		path, text string
		code       int
	}{
		"an unknown key":        {"nokey?protocol=7", "nokey", 4001},
		"a key with a slash":    {"no%2fkey?protocol=7", "no/key", 4001},
		"a key of 10 kB":        {long + "?protocol=7", "kkk", 4001},
		"a key with bad UTF-8":  {"%ff%fe?protocol=7", "App key", 4001},
		"a key with quotes":     {"%22%3cb%3e%0a?protocol=7", `"<b>`, 4001},
		"protocol 3":            {relaytest.Key + "?protocol=3", "protocol", 4007},
		"protocol 8":            {relaytest.Key + "?protocol=8", "protocol", 4007},
		"protocol -1":           {relaytest.Key + "?protocol=-1", "protocol", 4007},
		"protocol that is text": {relaytest.Key + "?protocol=seven", "version", 4006},
		"protocol 5;6":          {relaytest.Key + "?protocol=5;6", "version", 4006},
		"protocol 10^30":        {relaytest.Key + "?protocol=1" + strings.Repeat("0", 30), "version", 4006},
	}
	settled := w.settled(t)
	for name, c := range cases {
		w.run(t, name, func(t *testing.T, w world) {
			refused := w.counting(`buildrelay_connections_refused_total{code="` + strconv.Itoa(c.code) + `"}`)
			client := relaytest.DialWS(t, base(w)+c.path, options(w))
			client.ExpectError(c.code, c.text)
			client.ExpectClose(c.code)
			refused(t, 1)
		})
	}
	settled()
	w.Connect().ExpectOpen()
}

func TestDisabledAppRefusesClientsAndCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_ENABLED": "false"})
	c := w.Dial(relaytest.WSOptions{})
	c.ExpectError(4003, "disabled")
	c.ExpectClose(4003)
	if status, reply := w.Request("POST", "/events", `{"name":"e","channel":"a","data":"d"}`); status != 403 {
		t.Errorf("publishing: %d %s, want 403", status, reply)
	}
}

func TestConnectionLimitHoldsAndAPlaceIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_MAX_CONNECTIONS": "1"})
	first := w.Connect()
	second := w.Dial(relaytest.WSOptions{})
	second.ExpectError(4004, "quota")
	second.ExpectClose(4004)
	first.ExpectOpen()
	first.Close(1000)
	first.ExpectClose(1000)
	first.Cut()
	w.expectGone()
	w.Connect().ExpectOpen()
}

func TestThousandConnectionsHaveDistinctSocketIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	clients := make([]*relaytest.WSClient, 1000)
	for i := range clients {
		clients[i] = w.Dial(relaytest.WSOptions{})
	}
	seen := make(map[string]bool)
	for _, c := range clients {
		id := c.Established()
		if !socketID.MatchString(id) || seen[id] {
			t.Fatalf("socket id %q is not valid or was given before", id)
		}
		seen[id] = true
	}
	if n := w.Metric(`buildrelay_connections{app="3"}`); n != 1000 {
		t.Errorf("counts %v connections", n)
	}
}

func TestPingsAreAnswered(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		c := w.Connect()
		for _, ping := range []string{`{"event":"pusher:ping","data":{}}`, `{"event": "pusher:ping"}`} {
			c.Send(ping)
			if pong := c.Expect("pusher:pong"); pong.DataString(t) != "{}" {
				t.Errorf("%s is answered by %s", ping, pong.Text)
			}
		}
		for _, payload := range []string{"", "payload", strings.Repeat("x", 125)} {
			c.Ping(payload)
			if pong := c.AwaitPong(); pong.Text != payload {
				t.Errorf("a ping with %q is answered with %q", payload, pong.Text)
			}
		}
	})
}
