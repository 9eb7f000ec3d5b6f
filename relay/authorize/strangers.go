package authorize

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/clientaddr"
)

const (
	// mostStrangers is how many tokens that the host does not know an address may show in
	// strangersTime; a few more where they are asked about at the same time.
	mostStrangers = 30
	// strangersTime is for how long it is remembered, too, that the host did not know a token.
	strangersTime = time.Minute
)

// strangers bounds with how many such tokens the host is asked for one address: a host that is shown
// many takes the relay for somebody who guesses, and refuses whatever it asks. The zero value is ready,
// and safe for concurrent use.
type strangers struct {
	tokens byToken[struct{}] // that the host did not know lately

	mu    sync.Mutex
	since time.Time
	by    map[netip.Prefix]int // since then
}

// check tells why the host is not to be asked with a token: it did not know it just now, or the address
// showed too many that it did not know. Who has one of which is known whose it is does not suffer by
// others at his address.
func (s *strangers) check(address netip.Addr, token auth.Secret, known bool, now time.Time) error {
	if _, ok := s.tokens.get(token, now); ok {
		return errStranger
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known || now.Sub(s.since) >= strangersTime || s.by[clientaddr.Group(address)] < mostStrangers {
		return nil
	}
	return &refusal{http.StatusServiceUnavailable, outcomeBusy, "your address showed too many tokens that nobody knows, try again in a minute"}
}

// add notes that the host did not know a token.
func (s *strangers) add(address netip.Addr, token auth.Secret, now time.Time) {
	s.tokens.put(token, struct{}{}, now.Add(strangersTime), now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil || now.Sub(s.since) >= strangersTime {
		s.since, s.by = now, make(map[netip.Prefix]int)
	}
	s.by[clientaddr.Group(address)]++
}
