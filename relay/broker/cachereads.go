package broker

import (
	"crypto/rand"
	"sync"
	"time"

	"buildrelay/protocol"
)

// cacheRead is one look at the last events of some cache channels.
type cacheRead struct {
	token    string
	channels []protocol.ChannelName
	// done is closed once Redis has answered, or will not any more.
	done chan struct{}
	// last is the answer, nil where there is none. It is there when done is closed.
	last []protocol.Cached
}

// cacheReads puts what is read of cache channels in its place among what is heard. Reading
// and publishing a token to the node itself are one transaction: when the token is heard,
// everything has been heard that was published before, and nothing that came after. The
// answer takes another connection, and may come later than the token; then an event that is
// heard meanwhile is the last one.
//
// It is the sink of one link, before that of the broker: with the link end its reads.
type cacheReads struct {
	Sink
	ttl func(appID string) time.Duration

	mu sync.Mutex
	// unheard are the reads whose token was not heard yet, by token.
	unheard map[string]*cacheRead

	// unanswered are the channels of reads whose token was heard, until the answer is
	// there. Owned by the link's loop.
	unanswered map[protocol.ChannelName]*unansweredCache
}

// unansweredCache is a channel whose last event is the one that a read will find at index,
// unless one was heard since.
type unansweredCache struct {
	read  *cacheRead
	index int
	since *protocol.Cached
}

func newCacheReads(sink Sink, ttl func(appID string) time.Duration) *cacheReads {
	return &cacheReads{
		Sink: sink, ttl: ttl,
		unheard:    make(map[string]*cacheRead),
		unanswered: make(map[protocol.ChannelName]*unansweredCache),
	}
}

// begin announces a read, before its token can be published.
func (c *cacheReads) begin(channels []protocol.ChannelName) *cacheRead {
	r := &cacheRead{token: rand.Text(), channels: channels, done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unheard[r.token] = r
	return r
}

// finish takes the answer of a read, nil where there is none. It says whether the answer
// is late: the token was heard before.
func (c *cacheReads) finish(r *cacheRead, last []protocol.Cached) (late bool) {
	r.last = last
	close(r.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	late = c.unheard[r.token] == nil
	if last == nil {
		delete(c.unheard, r.token)
	}
	return late
}

// hear takes in a token. It says whether it is one of this link, not heard before.
func (c *cacheReads) hear(token string) bool {
	c.mu.Lock()
	r := c.unheard[token]
	delete(c.unheard, token)
	c.mu.Unlock()
	if r == nil {
		return false
	}
	for i, channel := range r.channels {
		c.unanswered[channel] = &unansweredCache{read: r, index: i}
	}
	return true
}

// settle hands on the answers that are there. Who was not answered asks again.
func (c *cacheReads) settle() {
	for channel, u := range c.unanswered {
		select {
		case <-u.read.done:
		default:
			continue
		}
		delete(c.unanswered, channel)
		if u.read.last == nil {
			continue
		}
		last := u.since
		if last == nil {
			last = &u.read.last[u.index]
		}
		c.Sink.Deliver(channel.App, protocol.Event{Channel: channel.Channel, Cached: last})
	}
}

// Deliver implements Sink.
func (c *cacheReads) Deliver(appID string, e protocol.Event) {
	u := c.unanswered[protocol.ChannelName{App: appID, Channel: e.Channel}]
	if u != nil && e.Change == nil && !protocol.IsClientEvent(e.Name) {
		kept := e
		kept.Exclude, kept.Link = "", nil
		u.since = &protocol.Cached{Event: kept, TTL: c.ttl(appID)}
	}
	c.Sink.Deliver(appID, e)
}

// Confirmed implements Sink. What was read before may be older than what was missed.
func (c *cacheReads) Confirmed(appID, channel string) {
	delete(c.unanswered, protocol.ChannelName{App: appID, Channel: channel})
	c.Sink.Confirmed(appID, channel)
}
