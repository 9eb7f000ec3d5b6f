package roster

import (
	"slices"
	"sync"
	"time"

	"buildrelay/protocol"
)

// countEvery is how often at the most Redis is told of the subscriptions of a channel.
const countEvery = 100 * time.Millisecond

// wishes are what this node wants the rolls to hold, beside what Redis was told. It does
// no I/O: take gives what has to be told, settle takes in the answers.
type wishes struct {
	mu    sync.Mutex
	parts [partitions]queue
	// counts are the counts that wait for company, since countsFrom.
	counts     []*row
	countsFrom time.Time
	// said numbers what gets due.
	said uint64
	// noted and notedBytes are how many notes wait, and how large they are.
	noted, notedBytes int
}

// waiter waits for what was numbered until said.
type waiter struct {
	said uint64
	told chan struct{} // closed then
}

// queue is what is wanted in one partition.
type queue struct {
	// changed holds one signal, sent when there is something to tell Redis. All partitions
	// that one goroutine tells have the same.
	changed chan struct{}
	rows    map[rowKey]*row
	// What Redis has to be told, in order: what was said, and what it was told before and
	// has to be told again.
	due, again []*row
	// taken says that something was taken that is not settled.
	taken bool
	// waiting wait until Redis was told what was said before.
	waiting []waiter
	// notes are what is to be noted for webhooks, in order; before the first of them so
	// many were told.
	notes     []note
	notesTold uint64
}

type rowKey struct {
	kind         kind
	app, channel string
	user         string // of a member, else ""
}

type kind string

// The kinds of rows, called as the script calls what is done for them. An ask is a row
// that is never in Redis.
const (
	member kind = "enter"
	count  kind = "count"
	ask    kind = "roll"
)

// row is one thing that this node wants. While it is in no queue, Redis knows.
type row struct {
	key    rowKey
	wanted bool
	told   bool // Redis may know of it
	queued bool // it is in due or again
	later  bool // it is in counts
	dead   bool // it is wanted no more, and not known to Redis; whatever queue it is in
	said   uint64

	info  string           // of a member
	limit int              // of members, until this is one
	n     int              // of subscriptions
	known protocol.Version // of a roll that is asked for
}

// op is what Redis is told of a row.
type op struct {
	row    *row
	wanted bool
	info   string
	number int // the limit of a member, the number of subscriptions
	known  protocol.Version
}

func newWishes() *wishes {
	w := &wishes{}
	for i := range w.parts {
		w.parts[i].rows = make(map[rowKey]*row)
	}
	return w
}

// signalTo has the signals of a partition sent to a channel.
func (w *wishes) signalTo(changed chan struct{}, p int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[p].changed = changed
}

func (w *wishes) enter(appID, channel string, m protocol.Member, limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q, r := w.row(rowKey{member, appID, channel, m.ID})
	if !r.wanted {
		r.wanted, r.info, r.limit = true, m.Info, limit
	}
	w.owe(q, r)
}

func (w *wishes) leave(appID, channel, userID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := rowKey{member, appID, channel, userID}
	q := w.queue(key)
	r := q.rows[key]
	if r == nil || !r.wanted {
		return
	}
	r.wanted = false
	if r.told {
		w.owe(q, r)
		return
	}
	q.drop(r)
}

func (w *wishes) count(appID, channel string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q, r := w.row(rowKey{kind: count, app: appID, channel: channel})
	r.n, r.wanted = n, n > 0
	switch {
	case !r.wanted && !r.told:
		q.drop(r)
	case !r.queued && !r.later:
		r.later = true
		if len(w.counts) == 0 {
			w.countsFrom = time.Now()
		}
		w.counts = push(w.counts, r)
		q.signal()
	}
}

func (w *wishes) ask(appID, channel string, known protocol.Version) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := rowKey{kind: count, app: appID, channel: channel}
	if q := w.queue(key); q.rows[key] != nil {
		w.hurry(q, q.rows[key])
	}
	key = rowKey{kind: ask, app: appID, channel: channel}
	q, r := w.row(key)
	if r.wanted && r.known != known {
		known = protocol.Version{} // who knows less must get it whole
	}
	if r.queued {
		q.drop(r) // it stands before what was said since
		q, r = w.row(key)
	}
	r.wanted, r.known = true, known
	w.owe(q, r)
}

// row returns a row, and the queue it belongs to. The caller holds mu.
func (w *wishes) row(key rowKey) (*queue, *row) {
	q := w.queue(key)
	r := q.rows[key]
	if r == nil {
		r = &row{key: key}
		q.rows[key] = r
	}
	return q, r
}

func (w *wishes) queue(key rowKey) *queue { return &w.parts[partitionOf(key.app, key.channel)] }

// owe notes that Redis has to be told of a row. The caller holds mu.
func (w *wishes) owe(q *queue, r *row) {
	if !r.queued {
		w.said++
		r.queued, r.said = true, w.said
		q.due = push(q.due, r)
	}
	q.signal()
}

// push adds a row to a queue, from which it takes the dead now and then: while Redis is
// away many may come and go.
func push(queue []*row, r *row) []*row {
	if n := len(queue); n >= 1024 && n&(n-1) == 0 {
		queue = slices.DeleteFunc(queue, func(r *row) bool { return r.dead })
	}
	return append(queue, r)
}

func (q *queue) signal() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// hurry puts a count that waits for company into the queue. The caller holds mu.
func (w *wishes) hurry(q *queue, r *row) {
	if r.later && !r.dead {
		r.later = false
		w.owe(q, r)
	}
}

// drop forgets a row that Redis does not know of. The caller holds mu.
func (q *queue) drop(r *row) {
	r.dead = true
	if q.rows[r.key] == r {
		delete(q.rows, r.key)
	}
}

// flushCounts makes the counts due that wait for company: all, or if they have waited
// long enough. It returns for how long they have to wait still, 0 where there are none.
func (w *wishes) flushCounts(all bool) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.counts) == 0 {
		return 0
	}
	if rest := countEvery - time.Since(w.countsFrom); rest > 0 && !all {
		return rest
	}
	w.hurryAll()
	return 0
}

func (w *wishes) hurryAll() {
	for _, r := range w.counts {
		w.hurry(w.queue(r.key), r)
	}
	w.counts = nil
}

// take takes at most limit of what Redis has to be told for a partition. Again says
// that some of it was told before. What was taken before must be settled, or be repeated.
func (w *wishes) take(p, limit int) (ops []op, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := &w.parts[p]
	q.progress(w.said)
	ops = q.take(&q.due, nil, limit)
	again = len(q.again) > 0
	ops = q.take(&q.again, ops, limit)
	q.taken = len(ops) > 0
	return ops, again
}

// take moves rows from one of the queues to ops, up to limit.
func (q *queue) take(from *[]*row, ops []op, limit int) []op {
	i := 0
	for ; i < len(*from) && len(ops) < limit; i++ {
		r := (*from)[i]
		r.queued = false
		switch {
		case r.dead:
			continue
		case !r.wanted && !r.told:
			q.drop(r)
			continue
		}
		r.told = true
		o := op{row: r, wanted: r.wanted, info: r.info, number: r.limit, known: r.known}
		if r.key.kind == count {
			o.number = r.n
		}
		ops = append(ops, o)
	}
	if *from = (*from)[i:]; len(*from) == 0 {
		*from = nil // what it stood on can go
	}
	return ops
}

// settle notes that Redis did what it was told. With full it did not, as the channel has
// no room; settle then says whether the user has to be told so.
func (w *wishes) settle(o op, full bool) (tell bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q, r := w.queue(o.row.key), o.row
	switch {
	case full:
		r.told = false
		if r.queued {
			return false // it left, or left and came again
		}
		tell, r.wanted = r.wanted, false
		q.drop(r)
		return tell
	case r.key.kind == ask:
		r.wanted, r.told = r.queued, false
		if !r.queued {
			q.drop(r)
		}
	case o.wanted:
		r.limit = 0 // whatever Redis may lose, this one has been let in
	case !r.wanted:
		r.told = false
		q.drop(r)
	}
	return false
}

// repeat makes everything in a partition due that Redis was told. Fresh says that it
// knows of nothing.
func (w *wishes) repeat(p int, fresh bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := &w.parts[p]
	for _, r := range q.rows {
		if fresh {
			r.told = false
		}
		switch {
		case r.queued:
		case r.key.kind == ask:
			w.owe(q, r)
		case r.wanted || r.told:
			r.queued = true
			q.again = append(q.again, r)
		default:
			q.drop(r)
		}
	}
	q.signal()
}

// progress tells those who waited for what is settled by now. The caller holds mu.
func (q *queue) progress(said uint64) {
	first := q.firstDue(said)
	q.waiting = slices.DeleteFunc(q.waiting, func(waits waiter) bool {
		if waits.said >= first {
			return false
		}
		close(waits.told)
		return true
	})
}

// firstDue is the number of the first thing that is due, or more than any number.
func (q *queue) firstDue(said uint64) uint64 {
	switch {
	case len(q.again) > 0:
		return 0
	case len(q.due) > 0:
		return q.due[0].said
	default:
		return said + 1
	}
}

// wait returns what is closed when Redis was told all that was said of a partition until
// now, nil if it was already.
func (w *wishes) wait(p int) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurryAll()
	q := &w.parts[p]
	if !q.taken && q.firstDue(w.said) > w.said {
		return nil
	}
	if n := len(q.waiting); n == 0 || q.waiting[n-1].said < w.said {
		q.waiting = append(q.waiting, waiter{w.said, make(chan struct{})})
	}
	q.signal()
	return q.waiting[len(q.waiting)-1].told
}
