package webhook

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"buildrelay/protocol"
)

// patience is for how long after it happened an event is tried to be told.
const patience = 5 * time.Minute

// event is an occurrence on its way to the webhooks that want it.
type event struct {
	protocol.Occurrence // without what text has, once that is there

	// text is what is told of it.
	text []byte
	// entry is the place of its id among those of its partition.
	entry [2]uint64
	// left is how many targets have it yet to get or to give up.
	left atomic.Int32
	// lost says that it is another node's now.
	lost atomic.Bool
}

func newEvent(o protocol.Occurrence) *event {
	ms, seq, _ := strings.Cut(o.ID, "-")
	e := &event{Occurrence: o}
	e.entry[0], _ = strconv.ParseUint(ms, 10, 64)
	e.entry[1], _ = strconv.ParseUint(seq, 10, 64)
	return e
}

// eventID is what names an occurrence on all nodes.
type eventID struct {
	partition int
	id        string
}

func idOf(o protocol.Occurrence) eventID { return eventID{o.Partition, o.ID} }

func (id eventID) String() string { return strconv.Itoa(id.partition) + "-" + id.id }

// compareEvents orders events as they happened.
func compareEvents(a, b *event) int {
	return cmp.Or(
		a.Time.Compare(b.Time),
		cmp.Compare(a.Partition, b.Partition),
		cmp.Compare(a.entry[0], b.entry[0]),
		cmp.Compare(a.entry[1], b.entry[1]),
	)
}

// fix makes the event's text: nothing of it changes any more.
func (e *event) fix(o protocol.Occurrence) {
	e.text = tell(o)
	o.UserID, o.Event, o.Data, o.SocketID = "", "", "", ""
	e.Occurrence = o
}

// overhead is about what an event needs in memory beside its text.
const overhead = 256

// size is about how many bytes the event needs, in memory, and more than on the wire.
func (e *event) size() int { return overhead + len(e.text) }

// expires is when the event is given up.
func (e *event) expires() time.Time { return e.Due.Add(patience) }

// split removes what drop wants to go from events, in place, and returns what is left and
// what was removed, both in their order.
func split(events []*event, drop func(*event) bool) (rest, removed []*event) {
	rest = slices.DeleteFunc(events, func(e *event) bool {
		gone := drop(e)
		if gone {
			removed = append(removed, e)
		}
		return gone
	})
	return rest, removed
}
