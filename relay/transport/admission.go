package transport

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/clientaddr"
)

// AdmissionConfig says how many clients a node takes. A limit that is 0 is none.
type AdmissionConfig struct {
	// Connections may be open at one time: all, and those from one address. Of IPv6 a
	// network of /64 counts as one address, since that is what one customer has.
	Connections, AddressConnections int
	// Handshakes may come in one second, likewise.
	Handshakes, AddressHandshakes int
	// Address returns whom a request is from. It is required.
	Address func(*http.Request) netip.Addr
}

// Admission counts the clients of a node, of all apps together, and says which of them
// are too many. A nil Admission takes everybody.
type Admission struct {
	config AdmissionConfig

	mu   sync.Mutex
	open int
	// openFrom are the open connections by address; empty where they have no limit.
	openFrom map[netip.Prefix]int
	// came are the handshakes since start, one second at the most, and cameFrom the same
	// by address.
	start    time.Time
	came     int
	cameFrom map[netip.Prefix]int
}

// NewAdmission returns an admission that has nobody yet.
func NewAdmission(config AdmissionConfig) *Admission {
	return &Admission{config: config, openFrom: make(map[netip.Prefix]int), cameFrom: make(map[netip.Prefix]int)}
}

// surplus is the limit that a handshake is over, as metrics.Metrics.Shed calls it.
type surplus string

const (
	noSurplus          surplus = ""
	nodeConnections    surplus = "connections"
	addressConnections surplus = "address_connections"
	nodeHandshakes     surplus = "handshakes"
	addressHandshakes  surplus = "address_handshakes"
)

func (s surplus) close() *protocol.Close {
	switch s {
	case nodeConnections:
		return protocol.ErrOverCapacity("the node has all the connections it may have")
	case addressConnections:
		return protocol.ErrOverCapacity("too many connections from your address")
	case nodeHandshakes:
		return protocol.ErrOverCapacity("too many clients connect at once")
	default:
		return protocol.ErrOverCapacity("too many handshakes from your address")
	}
}

// seat is what an admitted client takes up. The zero seat is nobody's.
type seat struct {
	admission *Admission
	address   netip.Prefix
}

// enter gives the sender of a handshake a seat, or says why there is none. Who gets none
// uses up nothing: not the node's limits with what is over an address's, either.
func (a *Admission) enter(r *http.Request) (seat, surplus) {
	if a == nil {
		return seat{}, noSurplus
	}
	address := clientaddr.Group(a.config.Address(r))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(time.Now())
	if over := a.over(address); over != noSurplus {
		return seat{}, over
	}
	a.count(address)
	return seat{a, address}, noSurplus
}

// turn begins a new second when the last one is over. The caller holds mu.
func (a *Admission) turn(now time.Time) {
	if now.Sub(a.start) < time.Second {
		return
	}
	a.start, a.came = now, 0
	if len(a.cameFrom) > 0 {
		a.cameFrom = make(map[netip.Prefix]int) // emptied, it would keep its size
	}
}

// over says which limit one more handshake is over. The caller holds mu.
func (a *Admission) over(address netip.Prefix) surplus {
	c := &a.config
	switch {
	case c.AddressConnections > 0 && a.openFrom[address] >= c.AddressConnections:
		return addressConnections
	case c.AddressHandshakes > 0 && a.cameFrom[address] >= c.AddressHandshakes:
		return addressHandshakes
	case c.Connections > 0 && a.open >= c.Connections:
		return nodeConnections
	case c.Handshakes > 0 && a.came >= c.Handshakes:
		return nodeHandshakes
	default:
		return noSurplus
	}
}

// count counts a client that was admitted. The caller holds mu.
func (a *Admission) count(address netip.Prefix) {
	a.open++
	a.came++
	if a.config.AddressConnections > 0 {
		a.openFrom[address]++
	}
	if a.config.AddressHandshakes > 0 {
		a.cameFrom[address]++
	}
}

// leave gives the seat back. It is called once for each seat.
func (s seat) leave() {
	a := s.admission
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if a.openFrom[s.address]--; a.openFrom[s.address] <= 0 {
		delete(a.openFrom, s.address)
	}
}
