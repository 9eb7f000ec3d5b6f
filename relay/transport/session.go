package transport

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay"
)

const (
	// maxSends is how many requests to send may wait for each other in a session: a page may
	// subscribe to many channels at once, by as many requests as a proxy with HTTP/2 lets it
	// have under way, which are 100 to 256.
	maxSends = 256
	// returnTime is how long a client that is just not asking has to come for its farewell.
	returnTime = 2 * time.Second
	// quiet is how long nothing was written before a client that shows a sign of life is
	// shown one.
	quiet = time.Second
)

// session is a client that has no WebSocket: what it is sent waits here for its receive
// requests, one after the other (protocol.md 6.4, 6.5). It is the [relay.Transport] of its
// connection.
type session struct {
	// Static.
	fallback  *Fallback
	name      string // key/server/id
	transport string // what opened it: streaming or polling
	place     seat
	who       *applicant // who opened it

	// conn is the session's, nil while a client of SockJS has not said to which app it wants.
	conn atomic.Pointer[relay.Conn]

	// sends are the requests to send that are under way, and turn is taken by the one whose
	// goroutine is the connection's reader; others wait in the order in which they came.
	sends gate
	turn  chan struct{}

	// mu is taken last: nothing is locked, and nobody called, under it.
	mu       sync.Mutex
	queue    queue
	receiver *receiver // the receive request under way, nil while there is none
	opened   bool      // the client was told that the session is open, so that it may send
	stalled  bool      // the worker waits for the queue to be written
	parted   bool      // nothing more comes into the queue
	ended    bool
	wrote    time.Time // when something was written
	// grace ends the session unless a receive request comes, while there is none.
	grace *time.Timer
}

// enter takes a seat and connects, or waits for a client of SockJS to say to what.
func (s *session) enter(r *http.Request) *protocol.Close {
	var over surplus
	if s.place, over = s.fallback.enter(r); over != noSurplus {
		return over.close()
	}
	if isSockJS(r) {
		time.AfterFunc(knockTime, s.hurry)
		return nil
	}
	return s.connect(r, r.PathValue("key"), r.URL.RawQuery, s.who)
}

// connect opens the session's connection in the hub, to the app of a key, with the
// parameters of a query.
func (s *session) connect(r *http.Request, key, parameters string, who *applicant) *protocol.Close {
	app, refused := s.fallback.findApp(key, parameters, origins(r))
	if refused != nil {
		return refused
	}
	conn, refused := s.fallback.Hub.Open(app, key, who.facts(), func(*relay.Conn) relay.Transport { return s })
	if refused != nil {
		return refused
	}
	s.conn.Store(conn) // not before: others may close it from now on
	s.fallback.greeted(conn, app, s.transport, r.RemoteAddr)
	return nil
}

// Send implements [relay.Transport]. It is the worker's, once there is a connection.
func (s *session) Send(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parted || s.ended {
		return true
	}
	s.queue.add(p)
	s.receiver.rouse()
	s.stalled = s.queue.size >= maxQueued
	return !s.stalled
}

// Drop implements [relay.Transport], likewise.
func (s *session) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parted || s.ended {
		return
	}
	s.parted = true
	s.receiver.rouse()
	if s.receiver == nil {
		s.expire(returnTime)
	} else {
		s.expire(farewellTime)
	}
}

// Cut implements [relay.Transport].
func (s *session) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parted = true
	s.expire(0)
}

// expire ends the session after d, unless that is put off. The caller holds mu.
func (s *session) expire(d time.Duration) {
	if s.grace == nil {
		s.grace = time.AfterFunc(d, s.end)
	} else {
		s.grace.Reset(d)
	}
}

// attach makes r the receive request of the session, in place of the one that was it. It
// returns false if the session has ended. It waits until the other writes nothing more.
func (s *session) attach(r *receiver) bool {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return false
	}
	before := s.receiver
	s.receiver = r
	if s.grace != nil && !s.parted {
		s.grace.Stop()
	}
	before.replace()
	s.mu.Unlock()
	if before != nil {
		<-before.done
	}
	return true
}

// detach is the end of a receive request.
func (s *session) detach(r *receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver == r {
		s.receiver = nil
		if !s.ended && !s.parted {
			s.expire(s.fallback.Grace)
		}
	}
	close(r.done)
}

// end ends the session. It may wait for the message that is being received.
func (s *session) end() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	s.queue = queue{}
	if s.grace != nil {
		s.grace.Stop()
	}
	s.receiver.rouse()
	stalled := s.stalled
	s.stalled = false
	s.mu.Unlock()
	if stalled {
		s.conn.Load().Sent()
	}
	s.turn <- struct{}{}
	if conn := s.conn.Load(); conn != nil {
		conn.Closed()
	}
	<-s.turn
	s.fallback.forget(s)
}

// seen notes a sign of life.
func (s *session) seen() {
	if conn := s.conn.Load(); conn != nil {
		conn.Seen()
	}
}

// take takes what r writes next, at most so many units but for a single larger frame, and
// sets the time it may take to write. over says that nothing more will come.
func (s *session) take(r *receiver, units int) (f frame, ok, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended || s.receiver != r:
		return f, false, true
	case s.queue.empty():
		return f, false, s.parted
	}
	r.begin(s.fallback.WriteTimeout)
	f = s.queue.take(units)
	s.opened = s.opened || f.opens()
	return f, true, false
}

// begin allows r to write something that is not from the queue; pause must follow.
func (s *session) begin(r *receiver) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver != r {
		return false
	}
	r.begin(s.fallback.WriteTimeout)
	return true
}

func (s *session) pause(r *receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.writing = false
}

// left says whether r is a receive request of the session no more.
func (s *session) left(r *receiver) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended || s.receiver != r
}

// spent says whether the client was told all that it ever will be.
func (s *session) spent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parted && s.queue.empty()
}

// written notes what became of a frame that was taken.
func (s *session) written(r *receiver, f frame, err error) {
	s.mu.Lock()
	r.writing = false
	if err != nil {
		s.queue.back(f)
		s.opened = s.opened && !f.opens()
		s.mu.Unlock()
		s.fallback.Metrics.SessionsRequeued.Inc()
		return
	}
	s.wrote = time.Now()
	stalled := s.stalled && s.queue.size < maxQueued
	s.stalled = s.stalled && !stalled
	s.mu.Unlock()
	if stalled {
		s.conn.Load().Sent()
	}
}

// beat writes a heartbeat, unless there is something else to write.
func (s *session) beat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.empty() {
		s.queue.push([]byte(protocol.FallbackBeat))
	}
}

// answer answers a client's sign of life, where nothing else was written for a while. It is
// no heartbeat, since that the client would answer in turn.
func (s *session) answer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.empty() && time.Since(s.wrote) > quiet {
		s.queue.push([]byte(protocol.FallbackNothing))
		s.receiver.rouse()
	}
}

// takesSends says whether the client may send: it knows of the session, which does not end.
func (s *session) takesSends() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened && !s.parted && !s.ended
}
