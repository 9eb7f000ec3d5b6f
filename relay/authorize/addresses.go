package authorize

import (
	"context"
	"net/http"
	"net/netip"
	"sync"

	"buildrelay/relay/clientaddr"
)

// mostOfAddress is how many questions of one address are asked at a time: a part of
// [mostAsking], so that nobody keeps the others from asking.
const mostOfAddress = mostAsking / 4

// addresses bounds how many questions of an address are under way. The zero value is ready.
type addresses struct {
	mu sync.Mutex
	by map[netip.Prefix]*places
}

// places are those of one address.
type places struct {
	taken chan struct{}
	users int // who has one, or waits for one
}

// enter waits until there is a place for a question of an address, or ctx ends. Whoever gets one
// calls leave when the question is answered.
func (a *addresses) enter(ctx context.Context, address netip.Addr) (leave func(), err error) {
	group := clientaddr.Group(address)
	p := a.join(group)
	select {
	case p.taken <- struct{}{}:
		return func() {
			<-p.taken
			a.part(group, p)
		}, nil
	case <-ctx.Done():
		a.part(group, p)
		return nil, &refusal{http.StatusServiceUnavailable, outcomeBusy, "too many questions of your address are under way, try again"}
	}
}

func (a *addresses) join(group netip.Prefix) *places {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.by[group]
	if p == nil {
		if a.by == nil {
			a.by = make(map[netip.Prefix]*places)
		}
		p = &places{taken: make(chan struct{}, mostOfAddress)}
		a.by[group] = p
	}
	p.users++
	return p
}

// part forgets an address of which nobody asks.
func (a *addresses) part(group netip.Prefix, p *places) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(a.by, group)
	}
}
