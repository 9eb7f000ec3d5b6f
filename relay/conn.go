package relay

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

const (
	// maxReplies is how many replies wait for one connection before its reader
	// has to wait as well.
	maxReplies = 32
	// replyPatience is how long the reader waits for a client that does not read.
	replyPatience = 10 * time.Second
)

// Conn is one client's connection. [Hub.Open] makes it; whoever reads from the client, one
// goroutine at a time, calls Receive, Reply and at the end Closed.
type Conn struct {
	// Static.
	hub       *Hub
	id        string
	transport Transport
	worker    *worker
	// trace is nil where no records are kept.
	trace *trace
	// key is the one by which the client has connected, as that was.
	key *auth.Key

	// opened is the hub's clock at the start.
	opened int64

	// app is set under Hub.mu: its settings can be replaced, its id stays.
	app atomic.Pointer[auth.App]

	// authorized says that the client has proved something: who it is, or that it may
	// subscribe to a channel.
	authorized atomic.Bool

	// seen is the hub's clock when the client last gave a sign of life.
	seen atomic.Int64

	mu            sync.Mutex
	subscriptions map[string]*subscription
	// replies wait for the worker: bytes meant for this connection alone.
	replies [][]byte
	// room is signalled when the worker took the replies; nil while nobody waits.
	room chan struct{}
	// called says that the worker was told of replies and has not looked since.
	called bool
	// ending says that a farewell is the last of the replies.
	ending bool
	// parting is what a connection is told that is asked to go, nil while it is not.
	parting *protocol.Close
	// signedIn is the user's standing.
	signedIn signature

	// Owned by the reader.

	// user is who signed in, nil while nobody has, and home the user's channel; watching is
	// whom that user watches, or nil. sent counts what the client sent in the last second: client
	// events, subscribes, and messages of any kind.
	user     *protocol.Member
	home     *channel
	watching *watchlist
	sent     struct{ events, subscribes, messages window }

	// Owned by the sweeper.

	// probed is when the client was asked for a sign of life, 0 if it was not.
	probed int64

	// Owned by the worker.

	due       []*subscription
	queued    bool // in worker.ready
	busy      bool // the transport still has something to send
	dismissed bool // the farewell follows what is due
	parted    bool // the farewell was sent, or the client is gone
}

// ID is the connection's socket id.
func (c *Conn) ID() string { return c.id }

// App is the connection's app, with the settings in force. It may be called by anybody.
func (c *Conn) App() *auth.App { return c.app.Load() }

// Seen notes a sign of life. It may be called by anybody.
func (c *Conn) Seen() { c.seen.Store(c.hub.clock.Load()) }

// Sent tells the worker that the transport has sent all that it was given. The
// transport calls it after a Send that returned false.
func (c *Conn) Sent() { c.worker.post(task{kind: taskSent, conn: c}) }

// Reply queues bytes for this client. When the client does not take its replies
// the reader waits here, so that who asks faster than it reads is slowed down; a
// client that takes none for ten seconds is closed.
func (c *Conn) Reply(p []byte) {
	var patience *time.Timer
	for {
		room, ok := c.queue(p, maxReplies)
		if ok {
			return
		}
		if patience == nil {
			patience = time.NewTimer(replyPatience)
			defer patience.Stop()
		}
		select {
		case <-room:
		case <-patience.C:
			c.Close(protocol.ErrOverCapacity("client does not read"))
			return
		}
	}
}

// Close ends the connection from the relay's side: the error is told, then the
// close code. Anybody may call it; it does not wait.
func (c *Conn) Close(reason *protocol.Close) { c.end(reason) }

// end is Close. It says whether the connection was not ending already.
func (c *Conn) end(reason *protocol.Close) bool {
	ends := c.part(reason.Code, reason.Reason, reason.Frame(), protocol.CloseFrame(reason.Code, reason.Reason))
	if ends {
		c.count(reason.Code)
	}
	return ends
}

// Part ends the connection with a farewell of the transport's own, in answer to
// the client's, which had a code.
func (c *Conn) Part(code int, farewell []byte) { c.part(code, "closed by the client", farewell) }

// Breach ends the connection, with a farewell of the transport's own, because the
// client broke the transport's rules; code is the close code in the farewell.
func (c *Conn) Breach(code int, farewell []byte) {
	if c.part(code, "breach of the transport's rules", farewell) {
		c.count(code)
	}
}

// count counts a connection that the relay ended.
func (c *Conn) count(code int) { c.hub.metrics.Closed.WithLabelValues(strconv.Itoa(code)).Inc() }

// Closed ends the connection after the client is gone or the reader gave up.
func (c *Conn) Closed() {
	c.mu.Lock()
	subscriptions := c.subscriptions
	c.subscriptions, c.ending = nil, true
	c.replies = nil
	c.mu.Unlock()
	for _, s := range subscriptions {
		c.hub.leave(s)
	}
	c.signOut()
	if c.trace != nil {
		c.trace.user = c.user
	}
	c.worker.post(task{kind: taskGone, conn: c})
	c.hub.forget(c)
}

// queue adds p to the replies if fewer than limit wait. Otherwise it returns what
// to wait for. On a connection that ends p is dropped.
func (c *Conn) queue(p []byte, limit int) (room <-chan struct{}, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return nil, true
	}
	if len(c.replies) >= limit {
		if c.room == nil {
			c.room = make(chan struct{}, 1)
		}
		return c.room, false
	}
	c.replies = append(c.replies, p)
	c.call()
	return nil, true
}

// push queues bytes that the relay sends of its own accord; it never waits.
func (c *Conn) push(p []byte) { c.queue(p, math.MaxInt) }

// part queues the last bytes and says whether they are: a connection ends once. Records say
// that it ended by this code, and why.
func (c *Conn) part(code int, why string, last ...[]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return false
	}
	c.ending = true
	if c.trace != nil {
		c.trace.code, c.trace.why = code, why
	}
	c.replies = append(c.replies, last...)
	c.call()
	c.makeRoom()
	return true
}

// takeReplies appends all replies to p, for the worker.
func (c *Conn) takeReplies(p []byte) (_ []byte, n int, ending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, reply := range c.replies {
		p = append(p, reply...)
	}
	n = len(c.replies)
	c.replies = nil
	c.called = false
	c.makeRoom()
	return p, n, c.ending
}

// call tells the worker, once, that replies wait. The caller holds mu.
func (c *Conn) call() {
	if !c.called {
		c.called = true
		c.worker.post(task{kind: taskReply, conn: c})
	}
}

// makeRoom wakes the reader if it waits in Reply. The caller holds mu.
func (c *Conn) makeRoom() {
	if c.room != nil {
		select {
		case c.room <- struct{}{}:
		default:
		}
	}
}

// setDue notes that the subscription has something to send. Only the worker
// calls it.
func (c *Conn) setDue(s *subscription) {
	if !s.due {
		s.due = true
		c.due = append(c.due, s)
	}
}
