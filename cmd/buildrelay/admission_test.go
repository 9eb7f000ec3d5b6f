package main_test

import (
	"net/http"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// dialFrom is a client behind a proxy that says where it is from; "" says nothing.
func (w world) dialFrom(address string) *relaytest.WSClient {
	header := http.Header{}
	if address != "" {
		header.Set("X-Forwarded-For", address)
	}
	return w.Dial(relaytest.WSOptions{Header: header})
}

// expectShed expects that a client is turned away because of a limit, and told so.
func (w world) expectShed(t *testing.T, c *relaytest.WSClient, why string) {
	t.Helper()
	c.ExpectError(4100, "Over capacity")
	c.ExpectClose(4100)
	w.ExpectMetric(`buildrelay_shed_total{why="`+why+`"}`, "grows", func(n float64) bool { return n > 0 })
}

func TestANodeHasSoManyConnections(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, map[string]string{"RELAY_MAX_CONNECTIONS": "3"}, func(t *testing.T, w world) {
		first := w.Connect()
		for range 2 {
			w.Connect()
		}
		for range 3 {
			w.expectShed(t, w.Dial(relaytest.WSOptions{}), "connections")
		}
		first.ExpectOpen()
		first.Cut()
		w.Eventually("there is room again", func() bool {
			return w.Dial(relaytest.WSOptions{}).Next().Event == "pusher:connection_established"
		})
		w.publish("e", "1", "news") // backends are no connections
	})
}

func TestAnAddressHasSoManyConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"RELAY_MAX_CONNECTIONS_PER_ADDRESS": "2", "RELAY_TRUSTED_PROXIES": "127.0.0.0/8,10.0.0.0/8",
	})
	for name, addresses := range map[string][3]string{
		"IPv4":                     {"198.51.100.1", "198.51.100.1", "198.51.100.1"},
		"a network of IPv6":        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::", "2001:db8:1:2:0:0:0:3"},
		"IPv4 in IPv6":             {"203.0.113.1", "::ffff:203.0.113.1", "::ffff:cb00:7101"},
		"through several proxies":  {"192.0.2.1", "192.0.2.1, 10.0.0.1", "6.6.6.6, 192.0.2.1, 10.2.3.4"},
		"of a proxy, with nothing": {"", "", ""},
	} {
		w.run(t, name, func(t *testing.T, w world) {
			first := w.dialFrom(addresses[0])
			first.Established()
			w.dialFrom(addresses[1]).Established()
			w.expectShed(t, w.dialFrom(addresses[2]), "address_connections")
			first.Cut()
			w.Eventually("there is room again", func() bool {
				return w.dialFrom(addresses[2]).Next().Event == "pusher:connection_established"
			})
		})
	}
	w.dialFrom("2001:db8:1:3::1").Established()
	w.dialFrom("198.51.100.2").Established()
}

// Whoever is no proxy of ours says what he likes.
func TestAStrangerDoesNotChooseHisAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_MAX_CONNECTIONS_PER_ADDRESS": "2", "RELAY_TRUSTED_PROXIES": "10.0.0.0/8"})
	w.dialFrom("198.51.100.1").Established()
	w.dialFrom("198.51.100.2").Established()
	w.expectShed(t, w.dialFrom("198.51.100.3"), "address_connections")
}

func TestHandshakesAreShedWhenTheyAreTooMany(t *testing.T) {
	t.Parallel()
	for why, env := range map[string]map[string]string{
		"handshakes":         {"RELAY_MAX_HANDSHAKES": "5"},
		"address_handshakes": {"RELAY_MAX_HANDSHAKES_PER_ADDRESS": "5"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, env)
			begun := time.Now()
			var clients []*relaytest.WSClient
			for range 60 {
				clients = append(clients, w.Dial(relaytest.WSOptions{}))
			}
			most := 5 * (2 + int(time.Since(begun)/time.Second))
			admitted := 0
			for _, c := range clients {
				if r := c.Next(); r.Event == "pusher:connection_established" {
					admitted++
					c.ExpectOpen()
					continue
				}
				c.ExpectClose(4100)
			}
			if admitted < 5 || admitted > most {
				t.Errorf("%d were admitted, want 5 to %d", admitted, most)
			}
			if shed := w.Metric(`buildrelay_shed_total{why="` + why + `"}`); int(shed) != len(clients)-admitted {
				t.Errorf("%v were shed, %d admitted", shed, admitted)
			}
			w.Eventually("there is room again", func() bool {
				return w.Dial(relaytest.WSOptions{}).Next().Event == "pusher:connection_established"
			})
		})
	}
}

// A page that is shed comes back by itself.
func TestPusherJSComesBackWhenItIsShed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_MAX_CONNECTIONS": "1"})
	c := w.Connect()
	for _, version := range relaytest.ResumableVersions() {
		page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{})
		if got := page.ExpectError(); got.Code == nil || *got.Code != 4100 {
			t.Errorf("%s was told %+v, want 4100", version, got)
		}
		c.Cut()
		page.ExpectState("connected")
		page.Disconnect()
		page.ExpectState("disconnected")
		w.expectGone()
		c = w.Connect()
	}
}

func TestOnlyPagesOfTheAppConnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_APP_ORIGINS": "https://ci.example.com, https://*.builds.example.com, http://localhost:3000"})
	for origin, allowed := range map[string]bool{
		"":                                  true, // no browser
		"https://ci.example.com":            true,
		"https://CI.example.com":            true,
		"https://a.builds.example.com":      true,
		"https://a.b.builds.example.com":    true,
		"http://localhost:3000":             true,
		"http://ci.example.com":             false,
		"https://ci.example.com:8443":       false,
		"https://builds.example.com":        false,
		"https://evilbuilds.example.com":    false,
		"https://ci.example.com.evil.test":  false,
		"https://evil.test/ci.example.com":  false,
		"null":                              false,
		"https://evil.test#.builds.example": false,
		"http://localhost":                  false,
	} {
		w.run(t, origin, func(t *testing.T, w world) {
			header := http.Header{}
			if origin != "" {
				header.Set("Origin", origin)
			}
			c := w.Dial(relaytest.WSOptions{Header: header})
			if allowed {
				c.Established()
				c.ExpectOpen()
				return
			}
			c.ExpectError(4009, "Origin not allowed")
			c.ExpectClose(4009)
		})
	}
	w.ExpectMetric(`buildrelay_shed_total{why="origin"}`, "grows", func(n float64) bool { return n > 0 })
}

// Who guesses secrets gets tired of it; who has the right one, elsewhere, does not.
func TestRefusedCallsAreNotLookedAtForLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"RELAY_MAX_REFUSED_CALLS": "3"})
	w.Eventually("bad calls are not looked at", func() bool {
		status, _ := w.Do(http.MethodPost, "/apps/3/events?auth_key="+relaytest.Key+"&auth_version=1.0&auth_timestamp=1&auth_signature=00", "{}")
		if status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
			t.Fatalf("a bad call is answered by %d", status)
		}
		return status == http.StatusTooManyRequests
	})
	w.ExpectMetric(`buildrelay_shed_total{why="address_calls"}`, "grows", func(n float64) bool { return n > 0 })
	w.Eventually("good calls are taken again", func() bool {
		status, _ := w.Request(http.MethodGet, "/channels", "")
		return status == http.StatusOK
	})
}
