package main_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// F28. Those who are connected stay, those who come are told to come later, and what is no
// client goes on: a half of the reserve is never given to whoever connects, though he may
// connect without a word.
func TestTheLastDescriptorsAreForNobodyNew(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	w := world{relaytest.StartRelayWithDescriptors(t, 256, with(server, nil)), server}
	in := w.crowd(t, 300, "descriptors")
	if len(in) < 100 || len(in) > 192 {
		t.Errorf("%d clients are in, want 192 less those that the relay needs itself", len(in))
	}
	for _, c := range in {
		c.Send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		c.Expect("pusher_internal:subscription_succeeded")
	}
	w.expectSessionShed(t)
	w.goesOn(t)
	silent := dialSilently(t, w.Address, 300)
	if err := w.redis.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	w.ExpectMetric("buildrelay_redis_links_total", "grows", func(n float64) bool { return n > 1 })
	w.ExpectLog("no connection is accepted until another is closed: there are too few file descriptors")
	w.Eventually("Redis is heard again", func() bool { return w.Readiness(t.Context()) == http.StatusOK })
	w.publish("line", "1", "news")
	for _, c := range in {
		c.Await("line")
		c.ExpectOpen()
	}
	for _, conn := range silent {
		conn.Close()
	}
	for _, c := range in[:len(in)/2] {
		c.Cut()
	}
	w.takesClientsAgain()
}

// F28. What clients left behind is collected when the next one comes.
func TestNewClientsWaitForMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"GOMEMLIMIT": "100MiB", "RELAY_ACCEPT_TRAFFIC_MEMORY": "25", "RELAY_APP_LIMITS": "channels=10000"})
	w.Connect().ExpectOpen()
	large := w.Connect()
	for i := range 10_000 {
		large.Send(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"%s%d"}}`, strings.Repeat("a", 150), i))
	}
	w.Eventually("a client is told to come later", func() bool {
		return w.Dial(relaytest.WSOptions{}).Next().Event == "pusher:error"
	})
	w.expectShed(t, w.Dial(relaytest.WSOptions{}), "memory")
	w.expectSessionShed(t)
	w.goesOn(t)
	large.Await("pusher_internal:subscription_succeeded")
	large.Cut()
	w.takesClientsAgain()
}

// expectSessionShed expects that a client without a WebSocket is told to come later, too.
func (w world) expectSessionShed(t *testing.T) {
	t.Helper()
	c := w.DialXHR(relaytest.XHROptions{})
	c.ExpectError(4100, "Over capacity")
	c.ExpectClose(4100)
}

// crowd has so many clients connect, and returns those who may.
func (w world) crowd(t *testing.T, clients int, why string) (in []*relaytest.WSClient) {
	t.Helper()
	for range clients {
		switch c := w.Dial(relaytest.WSOptions{}); c.Next().Event {
		case "pusher:connection_established":
			in = append(in, c)
		case "pusher:error":
			c.ExpectClose(4100)
		default:
			t.Fatal("a client is neither greeted nor told why not")
		}
	}
	shed := w.Metric(`buildrelay_shed_total{why="` + why + `"}`)
	if int(shed) != clients-len(in) || shed == 0 {
		t.Errorf("%v were shed, of %d who were not admitted", shed, clients-len(in))
	}
	return in
}

// goesOn expects that the API, the metrics and the readiness are there for who connects anew.
func (w world) goesOn(t *testing.T) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, url := range []string{"http://" + w.Metrics + "/metrics", "http://" + w.Metrics + "/readyz", w.URL() + "/readyz"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", url, response.Status)
		}
	}
	w.publish("e", "1", "nobody")
}

// takesClientsAgain waits until clients are admitted.
func (w world) takesClientsAgain() {
	w.Eventually("there is room again", func() bool {
		return w.Dial(relaytest.WSOptions{}).Next().Event == "pusher:connection_established"
	})
}

// dialSilently makes connections on which nothing is said, until the test ends.
func dialSilently(t *testing.T, address string, n int) (conns []net.Conn) {
	t.Helper()
	for range n {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}
