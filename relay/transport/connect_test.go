package transport_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

func TestOriginsThatMayConnect(t *testing.T) {
	t.Parallel()
	ci := app("ci")
	ci.Origins = []string{"https://good.com", "https://*.example.com", "http://localhost:3000", "https://xn--bcher-kva.example"}
	open := app("open")
	r := newRig(t, transport.AdmissionConfig{}, nil, ci, open)
	const yes, no = true, false
	for origin, allowed := range map[string]bool{
		"https://good.com":                  yes,
		"HTTPS://Good.COM":                  yes,
		"https://a.example.com":             yes,
		"https://a.b.example.com":           yes,
		"http://localhost:3000":             yes,
		"https://xn--bcher-kva.example":     yes,
		"null":                              no,
		"https://evil.example":              no,
		"http://good.com":                   no,
		"https://good.com:443":              no, // browsers leave it out
		"https://good.com:8443":             no,
		"https://good.com.":                 no,
		"https://good.com.evil":             no,
		"https://evilgood.com":              no,
		"https://good.com@evil.example":     no,
		"https://evil.example@good.com":     no,
		"https://good.com/":                 no,
		"https://good.com https://evil.com": no,
		"https://example.com":               no,
		"https://.example.com":              no,
		"https://evil.com/.example.com":     no,
		"https://evil.com:1.example.com":    no,
		"https://me@x.example.com":          no,
		"https://a.example.com.evil":        no,
		"https://a.example.com:8443":        no,
		"http://localhost":                  no,
		"https://bücher.example":            no,
		"*":                                 no,
		"https://*.example.com.evil":        no,
	} {
		t.Run(origin, func(t *testing.T) {
			c := r.dial(t, "ci", "Origin", origin)
			if allowed {
				c.Established()
			} else {
				refused(c, 4009, "Origin not allowed")
			}
			r.dial(t, "open", "Origin", origin).Established()
		})
	}
}

func TestWhoNamesNoOriginIsNoBrowser(t *testing.T) {
	t.Parallel()
	ci := app("ci")
	ci.Origins = []string{"https://good.com"}
	r := newRig(t, transport.AdmissionConfig{}, nil, ci)
	r.dial(t, "ci").Established()
	r.dial(t, "ci", "Cookie", "session=1").Established() // nothing depends on cookies
	refused(r.dial(t, "ci", "Origin", "https://good.com", "Origin", "https://evil.example"), 4009, "Origin")
	if n := r.shed("origin"); n != 1 {
		t.Errorf("%d were counted", n)
	}
	if n := testutil.ToFloat64(r.metrics.Refused.WithLabelValues("4009")); n != 1 {
		t.Errorf("%v were counted as refused", n)
	}
}

func TestSurplusClientsAreToldAfterTheUpgrade(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limits transport.AdmissionConfig
		second string // address; that of the first is 192.0.2.1
		why    string
		told   string
	}{
		"the node": {
			transport.AdmissionConfig{Connections: 1}, "192.0.2.2", "connections", "Over capacity: the node has all",
		},
		"an address": {
			transport.AdmissionConfig{AddressConnections: 1}, "192.0.2.1", "address_connections", "connections from your address",
		},
	}
	certs := relaytest.NewCerts(t)
	for name, test := range tests {
		for _, certs := range []*relaytest.Certs{nil, certs} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, certs != nil), func(t *testing.T) {
				r := newRig(t, test.limits, certs, app("ci"))
				first := r.from("192.0.2.1")
				first.Established()
				for range 3 {
					refused(r.from(test.second), 4100, test.told)
				}
				if n := r.shed(test.why); n != 3 {
					t.Errorf("%d were counted", n)
				}
				if n := testutil.ToFloat64(r.metrics.Refused.WithLabelValues("4100")); n != 3 {
					t.Errorf("%v were counted as refused", n)
				}
				first.Cut()
				r.awaitSeats(0)
				r.from(test.second).Established()
			})
		}
	}
}

func TestSurplusHandshakesAreTold(t *testing.T) {
	t.Parallel()
	for why, limits := range map[string]transport.AdmissionConfig{
		"handshakes":         {Handshakes: 1},
		"address_handshakes": {AddressHandshakes: 1},
	} {
		t.Run(why, func(t *testing.T) {
			r := newRig(t, limits, nil, app("ci"))
			for r.shed(why) == 0 { // until two come within a second
				c := r.from("192.0.2.1")
				if first := c.Next(); first.Event == "pusher:error" {
					c.ExpectClose(4100)
				}
			}
		})
	}
}

func TestANetworkOfIPv6IsOneAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t, transport.AdmissionConfig{AddressConnections: 2}, nil, app("ci"))
	r.from("2001:db8::1").Established()
	r.from("2001:db8::2").Established()
	refused(r.from("2001:db8::3"), 4100, "from your address")
	r.from("2001:db8:0:1::1").Established()
	r.from("198.51.100.1, ::ffff:192.0.2.1").Established()
	r.from("192.0.2.1").Established()
	refused(r.from("198.51.100.9, 192.0.2.1"), 4100, "from your address")
}

// A seat is given back exactly once, whatever becomes of a client.
func TestEverySeatIsGivenBack(t *testing.T) {
	t.Parallel()
	disabled, full, picky := app("disabled"), app("full"), app("picky")
	disabled.Disabled, full.MaxConnections, picky.Origins = true, 1, []string{"https://good.com"}
	r := newRig(t, transport.AdmissionConfig{Connections: 50, AddressConnections: 50}, nil, app("ci"), disabled, full, picky)
	r.dial(t, "full").Established()
	ends := map[string]func(){
		"closes":            func() { c := r.dial(t, "ci"); c.Established(); c.Close(1000); c.ExpectClose(1000); c.Cut() },
		"cuts":              func() { c := r.dial(t, "ci"); c.Established(); c.Cut() },
		"resets":            func() { c := r.dial(t, "ci"); c.Established(); c.Reset() },
		"resets at once":    func() { r.dial(t, "ci").Reset() },
		"breaks rules":      func() { c := r.dial(t, "ci"); _ = c.WriteRaw([]byte("\xff\xff")); c.Cut() },
		"no such key":       func() { refused(r.dial(t, "none"), 4001, "none") },
		"a disabled app":    func() { refused(r.dial(t, "disabled"), 4003, "") },
		"a full app":        func() { refused(r.dial(t, "full"), 4004, "") },
		"a foreign page":    func() { refused(r.dial(t, "picky", "Origin", "null"), 4009, "") },
		"an old protocol":   func() { refused(r.dial(t, "ci?protocol=3"), 4007, "") },
		"no upgrade at all": func() { plainGet(t, r.url+"ci") },
	}
	for range 3 {
		for name, end := range ends {
			end()
			t.Log(name)
			r.awaitSeats(1)
		}
	}
	if n := testutil.ToFloat64(r.metrics.BadHandshakes); n != 3 {
		t.Errorf("%v failed upgrades were counted, want 3", n)
	}
}

func plainGet(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(url, "ws", "http", 1), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("%s is answered with %s", url, response.Status)
	}
}

func TestACrowdIsLetInUpToTheLimit(t *testing.T) {
	t.Parallel()
	const most, crowd = 5, 30
	r := newRig(t, transport.AdmissionConfig{AddressConnections: most}, nil, app("ci"))
	clients := make([]*relaytest.WSClient, crowd)
	var dialing sync.WaitGroup
	for i := range clients {
		dialing.Go(func() { clients[i] = r.dial(t, "ci") })
	}
	dialing.Wait()
	in := 0
	for _, c := range clients {
		if c.Next().Event == "pusher:connection_established" {
			in++
		} else {
			c.ExpectClose(4100)
		}
	}
	if in != most || r.shed("address_connections") != crowd-most {
		t.Errorf("%d are in, %d were counted as surplus", in, r.shed("address_connections"))
	}
}

// A message holds data that is escaped twice; the limit follows the app's.
func TestMessagesMayBeAsLargeAsTheAppsDataNeeds(t *testing.T) {
	t.Parallel()
	small, large := app("small"), app("large")
	large.Limits = protocol.DefaultLimits()
	large.Limits.Data = 100 << 10
	r := newRig(t, transport.AdmissionConfig{}, nil, small, large)
	message := func(size int) string {
		const frame = `{"event":"x","data":""}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("a", size-len(frame))+`"`, 1)
	}
	for key, most := range map[string]int{"small": 70 << 10, "large": 700 << 10} {
		c := r.dial(t, key)
		c.Established()
		c.Send(message(most))
		c.Await("pusher:error")
		c.ExpectOpen()
		c.Send(message(most + 1))
		c.ExpectClose(1009)
	}
	c := r.dial(t, "small")
	c.Established()
	small.Limits = large.Limits
	if err := r.hub.Reload(r.apps, []auth.App{small}); err != nil {
		t.Fatal(err)
	}
	c.Send(message(70 << 10)) // the limit is that of the message after the next
	c.Await("pusher:error")
	c.Send(message(700 << 10))
	c.Await("pusher:error")
	c.ExpectOpen()
}

// While a client that was refused has yet to close, it takes nobody's place.
func TestWhoWasRefusedTakesNoSeat(t *testing.T) {
	t.Parallel()
	r := newRig(t, transport.AdmissionConfig{Connections: 1}, nil, app("ci"))
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(r.url, "ws://"), "/app/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte("GET /app/none HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	for buf := make([]byte, 512); !strings.Contains(told.String(), "4001"); {
		n, err := conn.Read(buf)
		if told.Write(buf[:n]); err != nil {
			t.Fatalf("after %q: %v", told.String(), err)
		}
	}
	r.awaitSeats(0)
	r.from("192.0.2.1").Established()
}
