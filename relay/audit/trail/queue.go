package trail

import (
	"encoding/json"
	"sync"
	"time"

	"buildrelay/relay/audit"
)

// What is held in memory at most, with what the writer has there.
const (
	mostHeld      = 10_000
	mostHeldBytes = 32 << 20
)

// plenty is of how many noted records the writer does not wait for more.
const plenty = 1_000

// note is a record that was handed in.
type note struct {
	record audit.Record
	weight int     // bytes, about
	waiter *waiter // nil: nobody waits
}

// queue is what was noted and the writer has not taken yet.
type queue struct {
	losses *losses
	// wake says that there is something to take. Capacity 1.
	wake chan struct{}
	// most is how many records are held. Static.
	most int

	mu     sync.Mutex
	notes  []note
	hurry  bool // somebody waits, or there is plenty
	closed bool
	why    string // the reason of losses, for want of room
	// held and bytes are what is in memory, here and in the writer.
	held, bytes int
}

func newQueue(l *losses) *queue {
	return &queue{losses: l, wake: make(chan struct{}, 1), most: mostHeld, why: lostMemory}
}

// put hands in records together, all or none of them: it says whether it did. w may be nil;
// who waits until records are kept, and hands them in again, loses none.
func (q *queue) put(w *waiter, records ...*audit.Record) bool {
	bytes := 0
	for _, r := range records {
		if r.OccurredAt.IsZero() {
			r.OccurredAt = time.Now()
		}
		bytes += weigh(r)
	}
	ok, why, wake := q.add(w, bytes, records)
	if !ok && (w == nil || !w.spoolCounts) {
		for _, r := range records {
			q.losses.add(why, 1, r.OccurredAt)
		}
	}
	if wake {
		q.alarm()
	}
	return ok
}

func (q *queue) add(w *waiter, bytes int, records []*audit.Record) (ok bool, why string, wake bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, lostEnd, false
	}
	if q.held+len(records) > q.most || q.bytes+bytes > mostHeldBytes {
		return false, q.why, false
	}
	weight := bytes / len(records)
	q.held += len(records)
	q.bytes += weight * len(records)
	wake = len(q.notes) == 0
	for _, r := range records {
		q.notes = append(q.notes, note{*r, weight, w})
	}
	if !q.hurry && (w != nil || len(q.notes) >= plenty) {
		q.hurry, wake = true, true
	}
	return true, "", wake
}

// alarm wakes the writer.
func (q *queue) alarm() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// waits says whether there is something to take, and whether at once.
func (q *queue) waits() (some, hurry bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.notes) > 0, q.hurry
}

// take takes all, and gives back the room of what was taken before.
func (q *queue) take(room []note) []note {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.notes
	q.notes, q.hurry = room[:0], false
	return taken
}

// release says that records are no longer held in memory; with negative numbers, that more
// are.
func (q *queue) release(records, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held -= records
	q.bytes -= bytes
}

// blame says what the reason of losses is, for want of room, from now on.
func (q *queue) blame(why string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.why = why
}

// close refuses records from now on. What was put before is still to be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// weigh returns about how many bytes of memory a record has.
func weigh(r *audit.Record) int {
	n := 768 + len(r.Action) + len(r.Actor.ID) + len(r.Actor.Name) + len(r.Target.ID) + len(r.Target.Name) + len(r.Scope.Name)
	for name, value := range r.Metadata {
		n += len(name) + len(value)
	}
	if payload, ok := r.Payload.(json.RawMessage); ok {
		n += len(payload)
	}
	return n
}
