package transport

import (
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// from is a request of this address.
func from(address string) *http.Request { return &http.Request{RemoteAddr: address} }

// admission has limits, and takes addresses as [from] writes them.
func admission(config AdmissionConfig) *Admission {
	config.Address = func(r *http.Request) netip.Addr {
		address, _ := netip.ParseAddr(r.RemoteAddr)
		return address
	}
	return NewAdmission(config)
}

// enter expects that the sender is admitted, or over the limit want.
func enter(t *testing.T, a *Admission, address string, want surplus) seat {
	t.Helper()
	place, over := a.enter(from(address))
	if over != want {
		t.Errorf("%s: over %q, want %q", address, over, want)
	}
	return place
}

func TestWithoutLimitsEverybodyIsAdmitted(t *testing.T) {
	a := admission(AdmissionConfig{})
	for range 100 {
		enter(t, a, "192.0.2.1", noSurplus)
	}
	if len(a.openFrom)+len(a.cameFrom) > 0 {
		t.Error("addresses are kept though nothing depends on them")
	}
	enter(t, nil, "192.0.2.1", noSurplus).leave()
}

func TestANodeHasSoManyConnections(t *testing.T) {
	a := admission(AdmissionConfig{Connections: 2})
	first := enter(t, a, "192.0.2.1", noSurplus)
	enter(t, a, "192.0.2.2", noSurplus)
	enter(t, a, "192.0.2.3", nodeConnections).leave()
	enter(t, a, "192.0.2.3", nodeConnections)
	first.leave()
	enter(t, a, "192.0.2.3", noSurplus)
	enter(t, a, "192.0.2.4", nodeConnections)
}

func TestAnAddressHasSoManyConnections(t *testing.T) {
	tests := map[string]struct {
		first, second string
		same          bool
	}{
		"IPv4":                        {"192.0.2.1", "192.0.2.1", true},
		"neighbours in IPv4":          {"192.0.2.1", "192.0.2.2", false},
		"IPv4 as IPv6":                {"192.0.2.1", "::ffff:192.0.2.1", true},
		"neighbours, IPv4 as IPv6":    {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		"one network of IPv6":         {"2001:db8::1", "2001:db8::ffff:0:0:2", true},
		"the next network of IPv6":    {"2001:db8::1", "2001:db8:0:1::1", false},
		"loopback is one":             {"::1", "::1", true},
		"both loopbacks":              {"::1", "127.0.0.1", false},
		"none":                        {"", "", true},
		"none, and one that is known": {"", "192.0.2.1", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := admission(AdmissionConfig{AddressConnections: 1})
			place := enter(t, a, test.first, noSurplus)
			if !test.same {
				enter(t, a, test.second, noSurplus)
				return
			}
			enter(t, a, test.second, addressConnections).leave()
			enter(t, a, test.second, addressConnections)
			place.leave()
			enter(t, a, test.second, noSurplus)
		})
	}
}

func TestHandshakesCountForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := admission(AdmissionConfig{Handshakes: 3, AddressHandshakes: 2})
		for range 3 {
			enter(t, a, "192.0.2.1", noSurplus).leave()
			enter(t, a, "192.0.2.1", noSurplus).leave()
			for range 9 { // they take nothing away from others
				enter(t, a, "192.0.2.1", addressHandshakes)
			}
			enter(t, a, "2001:db8::1", noSurplus).leave()
			enter(t, a, "2001:db8:1::1", nodeHandshakes)
			pass(time.Second - 1)
			enter(t, a, "192.0.2.1", addressHandshakes)
			enter(t, a, "192.0.2.2", nodeHandshakes)
			pass(1)
		}
	})
}

// pass lets simulated time pass.
func pass(d time.Duration) { <-time.After(d) }

// What addresses cost is bounded by who is connected and who came in the last second.
func TestAddressesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := admission(AdmissionConfig{AddressConnections: 1, AddressHandshakes: 1})
		var seats []seat
		address := netip.MustParseAddr("192.0.2.0")
		for range 200 {
			address = address.Next()
			seats = append(seats, enter(t, a, address.String(), noSurplus))
		}
		for _, place := range seats {
			place.leave()
		}
		if len(a.openFrom) != 0 || a.open != 0 {
			t.Errorf("%d addresses of %d connections are kept", len(a.openFrom), a.open)
		}
		pass(time.Second)
		enter(t, a, "192.0.2.1", noSurplus)
		if len(a.cameFrom) != 1 || len(a.openFrom) != 1 {
			t.Errorf("%d addresses of handshakes are kept, %d of connections", len(a.cameFrom), len(a.openFrom))
		}
	})
}

// However many come and go at a time, no more are in than may be, and nobody stays.
func TestManyComeAndGoAtATime(t *testing.T) {
	const most = 5
	a := admission(AdmissionConfig{Connections: 2 * most, AddressConnections: most})
	var inside gate
	var clients sync.WaitGroup
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
		var own gate
		for range 4 * most {
			clients.Go(func() {
				for range 200 {
					place, over := a.enter(from(address))
					if over != noSurplus {
						continue
					}
					if !inside.enter(2*most) || !own.enter(most) {
						t.Error("more are in than may be")
						return
					}
					own.leave()
					inside.leave()
					place.leave()
				}
			})
		}
	}
	clients.Wait()
	if a.open != 0 || len(a.openFrom) != 0 {
		t.Errorf("%d connections of %d addresses stay", a.open, len(a.openFrom))
	}
}

func TestOnlySoManyWhoWereRefusedLinger(t *testing.T) {
	var lingering gate
	for i := range 3 {
		if ok := lingering.enter(2); ok != (i < 2) {
			t.Errorf("client %d may stay: %v", i, ok)
		}
	}
	lingering.leave()
	if !lingering.enter(2) {
		t.Error("the place of one who left is not free")
	}
}
