package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"buildrelay/relay/metrics"
)

// slice is how many connections a worker serves before it looks at the next
// channel: a channel with thousands of readers delays nobody else's.
const slice = 64

// worker writes to the connections that belong to it; nobody else does.
type worker struct {
	// Static.
	window   time.Duration
	metrics  *metrics.Metrics
	pages    *pages
	suspects *waitlist[*channel]
	controls Controls
	wake     chan struct{} // holds one signal; sent after a task was posted

	mu    sync.Mutex
	inbox []task

	// Owned by run.

	tasks   []task // the inbox of the round before, to be filled again
	ready   []*Conn
	passes  []*shard // shards in a pass, served in turn
	cooling []*shard // ordered by when their pass began
	timer   *time.Timer
	out     []byte   // where a turn puts together what does not lie side by side
	settled []*shard // shards to settle after the turn's write
}

type task struct {
	kind  taskKind
	sub   *subscription
	conn  *Conn
	shard *shard
	page  *page
}

type taskKind uint8

const (
	taskJoin    taskKind = iota // sub became live
	taskLeave                   // sub ended
	taskDue                     // shard's feed has new frames
	taskReply                   // conn has replies
	taskSent                    // conn's transport has sent everything
	taskGone                    // conn's client is gone
	taskPage                    // the page that sub asked for was read
	taskDismiss                 // conn is to go when it has what is due
)

func newWorker(h *Hub) *worker {
	return &worker{
		window:   h.config.FlushWindow,
		metrics:  h.metrics,
		pages:    h.pages,
		suspects: h.suspects,
		controls: h.config.Controls,
		wake:     make(chan struct{}, 1),
		out:      make([]byte, 0, maxTurn),
	}
}

// post gives the worker something to do. Anybody may call it; it never blocks.
func (w *worker) post(t task) {
	w.put(t)
	w.rouse()
}

// put gives the worker something to do that has time until the next rouse or
// flush: one wake-up then serves all events that came together.
func (w *worker) put(t task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = append(w.inbox, t)
}

// flush makes the worker look at what was put.
func (w *worker) flush() {
	w.mu.Lock()
	waiting := len(w.inbox) > 0
	w.mu.Unlock()
	if waiting {
		w.rouse()
	}
}

func (w *worker) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	w.timer = time.NewTimer(time.Hour)
	defer w.timer.Stop()
	for {
		w.takeTasks()
		w.thaw()
		if len(w.ready) == 0 && len(w.passes) == 0 && !w.rest(ctx) {
			w.takeTasks() // clients that went last have their records
			return
		}
		w.serveReady()
		w.servePass()
	}
}

// rest waits for a task or for a cooling shard that has something to send. It
// returns false when ctx ended.
func (w *worker) rest(ctx context.Context) bool {
	w.timer.Stop()
	for _, sh := range w.cooling {
		if sh.dirty {
			w.timer.Reset(time.Until(sh.started.Add(w.window)))
			break
		}
	}
	select {
	case <-w.wake:
	case <-w.timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

func (w *worker) takeTasks() {
	w.mu.Lock()
	w.tasks, w.inbox = w.inbox, w.tasks[:0]
	w.mu.Unlock()
	for _, t := range w.tasks {
		w.apply(t)
	}
	clear(w.tasks)
}

func (w *worker) apply(t task) {
	switch t.kind {
	case taskJoin:
		t.sub.joined = true
		t.sub.shard.join(t.sub)
		t.sub.conn.setDue(t.sub)
		w.enqueue(t.sub.conn)
	case taskLeave:
		w.leave(t.sub)
		t.sub.noteEnd()
	case taskDue:
		t.shard.dirty = true
		if t.shard.state == shardIdle {
			w.begin(t.shard)
		}
	case taskReply:
		w.enqueue(t.conn)
	case taskSent:
		t.conn.busy = false
		w.enqueue(t.conn)
	case taskGone:
		t.conn.parted = true
		t.conn.noteClose()
	case taskPage:
		w.receive(t.sub, t.page)
	case taskDismiss:
		w.dismiss(t.conn)
	}
}

// leave takes s out of its shard. The reader that moved to its place may now be
// behind the point that a pass has reached, so it is served by itself, and the feed
// is kept for it until then.
func (w *worker) leave(s *subscription) {
	s.left.Store(true)
	if moved := s.shard.leave(s); moved != nil && moved.due {
		moved.shard.lag(moved)
		w.enqueue(moved.conn)
	}
	if s.shard.state != shardActive {
		s.shard.settle()
	}
}

// enqueue gives the connection a turn.
func (w *worker) enqueue(c *Conn) {
	if !c.queued {
		c.queued = true
		w.ready = append(w.ready, c)
	}
}

func (w *worker) begin(sh *shard) {
	sh.begin(time.Now())
	w.passes = append(w.passes, sh)
}

// thaw starts a pass of each shard that has cooled and has something to send.
func (w *worker) thaw() {
	if len(w.cooling) == 0 {
		return
	}
	now := time.Now()
	cooled := 0
	for _, sh := range w.cooling {
		if now.Sub(sh.started) < w.window {
			break
		}
		cooled++
		if sh.state == shardRetired {
			continue
		}
		sh.state = shardIdle
		if sh.dirty {
			w.begin(sh)
		}
	}
	w.cooling = dropFirst(w.cooling, cooled)
}

// serveReady gives a slice of the ready connections their turns.
func (w *worker) serveReady() {
	n := min(slice, len(w.ready))
	for _, c := range w.ready[:n] {
		c.queued = false
	}
	turns := w.ready[:n:n]
	for _, c := range turns {
		w.turn(c)
	}
	w.ready = dropFirst(w.ready, n)
}

// servePass serves a slice of the readers of the shard whose turn it is.
func (w *worker) servePass() {
	if len(w.passes) == 0 {
		return
	}
	sh := w.passes[0]
	w.passes = dropFirst(w.passes, 1)
	for served := 0; sh.next < len(sh.readers); sh.next++ {
		if served == slice {
			w.passes = append(w.passes, sh)
			return
		}
		if s := sh.readers[sh.next]; s.due {
			w.turn(s.conn)
			served++
		}
	}
	w.finish(sh)
}

// finish ends a pass: the shard cools.
func (w *worker) finish(sh *shard) {
	if sh.state == shardRetired {
		return
	}
	sh.state = shardCooling
	sh.settle()
	at := len(w.cooling)
	for at > 0 && w.cooling[at-1].started.After(sh.started) {
		at--
	}
	w.cooling = slices.Insert(w.cooling, at, sh)
}

// dropFirst removes the first n elements and reuses the memory.
func dropFirst[T any](s []T, n int) []T {
	rest := copy(s, s[n:])
	clear(s[rest:])
	return s[:rest]
}
