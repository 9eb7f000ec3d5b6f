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
	// LowMemory says that the process needs more memory than it should; nil means that it
	// never does. It is not asked more than a few times a second.
	LowMemory func() bool
	// Descriptors are those of the process. Those of the reserve are for nobody new.
	Descriptors *Descriptors
	// Address returns whom a request is from. It is required.
	Address func(*http.Request) netip.Addr
}

// Admission counts the clients of a node, of all apps together, and says which of them
// are too many. A nil Admission takes everybody.
type Admission struct {
	config AdmissionConfig
	memory watched // 1 while it is low

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
	a := &Admission{config: config, openFrom: make(map[netip.Prefix]int), cameFrom: make(map[netip.Prefix]int)}
	a.memory.every = memoryEvery
	a.memory.look = func() int64 {
		if config.LowMemory != nil && config.LowMemory() {
			return 1
		}
		return 0
	}
	return a
}

// memoryEvery is the time between two looks at the memory of the process.
const memoryEvery = time.Second / 4

// surplus is the limit that a handshake is over, as metrics.Metrics.Shed calls it.
type surplus string

const (
	noSurplus          surplus = ""
	nodeConnections    surplus = "connections"
	addressConnections surplus = "address_connections"
	nodeHandshakes     surplus = "handshakes"
	addressHandshakes  surplus = "address_handshakes"
	lowMemory          surplus = "memory"
	fewDescriptors     surplus = "descriptors"
)

func (s surplus) close() *protocol.Close {
	switch s {
	case nodeConnections:
		return protocol.ErrOverCapacity("the node has all the connections it may have")
	case addressConnections:
		return protocol.ErrOverCapacity("too many connections from your address")
	case nodeHandshakes:
		return protocol.ErrOverCapacity("too many clients connect at once")
	case lowMemory:
		return protocol.ErrOverCapacity("the node is short of memory")
	case fewDescriptors:
		return protocol.ErrOverCapacity("the node has all the connections it can have")
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
	address, lack := clientaddr.Group(a.config.Address(r)), a.lack()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(time.Now())
	if over := a.over(address); over != noSurplus {
		return seat{}, over
	}
	if lack != noSurplus {
		return seat{}, lack
	}
	a.count(address)
	return seat{a, address}, noSurplus
}

// lack is what the process is short of. It may take a look, which takes its time.
func (a *Admission) lack() surplus {
	switch {
	case a == nil:
		return noSurplus
	case a.memory.value() > 0:
		return lowMemory
	case a.config.Descriptors.short():
		return fewDescriptors
	default:
		return noSurplus
	}
}

// lingerers is how many clients that were refused have the time to close.
func (a *Admission) lingerers() int64 {
	if a == nil {
		return maxLingering
	}
	return a.config.Descriptors.lingerers()
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
