package roster

import (
	"crypto/rand"
	"sync/atomic"
	"time"

	"buildrelay/protocol"
)

// part is what is known of a partition to the one goroutine that tells it.
type part struct {
	number int
	name   string
	// incarnation is this node, for as long as it holds a lease without a break.
	incarnation string
	// epoch is the one that it has had a lease in; or unknown, or lost.
	epoch string
	// unsettled are the channels whose rolls were told and are not settled. They are
	// asked for again at the time settles.
	unsettled map[protocol.ChannelName]bool
	settles   time.Time

	// alone is when this node was known to be alone here last; nil if others were there since.
	// away is since when Redis cannot be told of the partition; nil while it can.
	alone, away atomic.Pointer[time.Time]
}

const (
	// unknown is the epoch of a new node.
	unknown = ""
	// lost is the epoch of a new incarnation in the place of one that lost its lease.
	// Redis is to know that there are nodes which knew of another epoch.
	lost = "-"
)

func newPart(number int, name string) *part {
	return &part{number: number, name: name, incarnation: newIncarnation(), unsettled: make(map[protocol.ChannelName]bool)}
}

// noteAlone notes whether this node was alone at a time.
func (p *part) noteAlone(at time.Time, alone bool) {
	if alone {
		p.alone.Store(&at)
	} else {
		p.alone.Store(nil)
	}
}

func newIncarnation() string { return rand.Text()[:12] }
