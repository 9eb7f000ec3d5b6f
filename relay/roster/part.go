package roster

import (
	"crypto/rand"
	"time"

	"buildrelay/protocol"
)

// part is what the sender knows of a partition.
type part struct {
	number int
	name   string
	// incarnation is this node, for as long as it holds a lease without a break.
	incarnation string
	// epoch is the one that it has had a lease in; or unknown, or lost.
	epoch string
	// others says that other incarnations had leases when it had its own last, or may live.
	others bool
	// unsettled are the channels whose rolls were told and are not settled. They are
	// asked for again at the time settles.
	unsettled map[protocol.ChannelName]bool
	settles   time.Time
}

const (
	// unknown is the epoch of a new node.
	unknown = ""
	// lost is the epoch of a new incarnation in the place of one that lost its lease.
	// Redis is to know that there are nodes which knew of another epoch.
	lost = "-"
)

func newPart(number int, name string) part {
	return part{number: number, name: name, incarnation: newIncarnation(), unsettled: make(map[protocol.ChannelName]bool)}
}

func newIncarnation() string { return rand.Text()[:12] }
