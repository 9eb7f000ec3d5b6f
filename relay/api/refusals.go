package api

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"buildrelay/relay/clientaddr"
)

// maxRefused is how many addresses are remembered for a second. Of more than that, which
// one attacker does not have, the rest is not counted.
const maxRefused = 10_000

// refusals count the wrong signatures of each address within a second. The zero value is
// ready to use.
type refusals struct {
	mu    sync.Mutex
	since time.Time // when the second began
	by    map[netip.Prefix]int
}

// add counts one more.
func (r *refusals) add(address netip.Addr, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(now)
	group := clientaddr.Group(address)
	if _, known := r.by[group]; known || len(r.by) < maxRefused {
		r.by[group]++
	}
}

// count is how many there were.
func (r *refusals) count(address netip.Addr, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(now)
	return r.by[clientaddr.Group(address)]
}

// turn begins another second when one is over. The caller holds mu.
func (r *refusals) turn(now time.Time) {
	if passed := now.Sub(r.since); r.by == nil || passed >= time.Second || passed < 0 {
		r.since, r.by = now, make(map[netip.Prefix]int)
	}
}

// checkAddress refuses an address that sent too many wrong signatures lately.
func (a *API) checkAddress(r *http.Request) error {
	if a.RefusedCalls == 0 || a.refusals.count(a.address(r), a.Now()) < a.RefusedCalls {
		return nil
	}
	a.Metrics.Shed.WithLabelValues("address_calls").Inc()
	return &failure{
		status: http.StatusTooManyRequests, message: "too many calls with wrong signatures from this address, try again",
		cause: "too many wrong signatures",
	}
}

// refused counts a call that was not authentic.
func (a *API) refused(r *http.Request) {
	if a.RefusedCalls > 0 {
		a.refusals.add(a.address(r), a.Now())
	}
}

// address is where a call comes from.
func (a *API) address(r *http.Request) netip.Addr {
	if a.Address != nil {
		return a.Address(r)
	}
	peer, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero value for what has none
	return peer.Addr()
}
