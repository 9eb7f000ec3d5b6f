package broker

import (
	"container/list"
	"sync"
)

// batch is how many names one SUBSCRIBE or UNSUBSCRIBE carries at the most.
const batch = 500

// interest is what the node wants to hear, beside what Redis was told. It does no
// I/O: next gives the commands to send, confirm and reject take in the answers.
// Each link makes Redis agree, from nothing.
type interest struct {
	// Static.
	naming names
	batch  int // how many names a command carries at the most
	// changed holds one signal, sent when there is something to tell Redis.
	changed chan struct{}

	mu     sync.Mutex
	topics map[channelKey]*topic
	// names finds by Redis channel what is wanted or not yet unsubscribed.
	names map[string]*name
	// What Redis has to be told, by the command that does it: one for many names,
	// or, where such a one was refused, one for each.
	subscribe, subscribeAlone, unsubscribe list.List
	// sent are the commands that Redis has not answered, in order: it answers in
	// order, once for each name of a command, or with one error for all.
	sent []*command
}

type channelKey struct{ app, channel string }

// topic is a channel, with the Redis channels that carry it.
type topic struct {
	key   channelKey
	names []*name
}

// name is one Redis channel. While it is in no queue, told equals wanted.
type name struct {
	redis string
	topic *topic // that wants it, or wanted it last

	wanted bool
	told   bool // the last command was to subscribe
	heard  bool // Redis confirmed a command that was sent after topic asked
	alone  bool // to be subscribed to by a command of its own
	// unanswered counts the commands with this name that Redis has not answered.
	unanswered int

	queue *list.List // of interest, while Redis has to be told; else nil
	place *list.Element
}

// command is a SUBSCRIBE, or an UNSUBSCRIBE, of some names.
type command struct {
	subscribe bool
	names     []*name
	answered  int
}

func newInterest(n names) *interest {
	return &interest{
		naming:  n,
		batch:   batch,
		changed: make(chan struct{}, 1),
		topics:  make(map[channelKey]*topic),
		names:   make(map[string]*name),
	}
}

// watch asks for a channel. Redis is always told, even when it is subscribed
// already: whoever asks is owed an answer to a command that was sent afterwards.
func (in *interest) watch(appID, channel string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := channelKey{appID, channel}
	t := in.topics[key]
	if t == nil {
		t = &topic{key: key}
		in.topics[key] = t
		for _, redis := range in.naming.all(appID, channel) {
			t.names = append(t.names, in.nameOf(redis))
		}
	}
	for _, n := range t.names {
		n.topic, n.wanted, n.heard = t, true, false
		in.enqueue(n)
	}
}

func (in *interest) unwatch(appID, channel string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if t := in.topics[channelKey{appID, channel}]; t != nil {
		in.drop(t)
	}
}

// drop makes a topic unwanted. The caller holds mu.
func (in *interest) drop(t *topic) {
	delete(in.topics, t.key)
	for _, n := range t.names {
		n.wanted = false
		if n.told {
			in.enqueue(n)
			continue
		}
		in.dequeue(n)
		in.forgetIfDone(n)
	}
}

// nameOf returns the name, which may still be on its way to be unsubscribed. The
// caller holds mu.
func (in *interest) nameOf(redis string) *name {
	n := in.names[redis]
	if n == nil {
		n = &name{redis: redis}
		in.names[redis] = n
	}
	return n
}

// enqueue notes that Redis has to be told of n. The caller holds mu.
func (in *interest) enqueue(n *name) {
	in.dequeue(n)
	switch {
	case !n.wanted:
		n.queue = &in.unsubscribe
	case n.alone:
		n.queue = &in.subscribeAlone
	default:
		n.queue = &in.subscribe
	}
	n.place = n.queue.PushBack(n)
	select {
	case in.changed <- struct{}{}:
	default:
	}
}

func (in *interest) dequeue(n *name) {
	if n.queue != nil {
		n.queue.Remove(n.place)
		n.queue, n.place = nil, nil
	}
}

// next returns the next command to send, nil when Redis was told everything. It
// counts as sent.
func (in *interest) next() *command {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := &command{subscribe: true}
	switch {
	case in.subscribe.Len() > 0:
		in.take(c, &in.subscribe, in.batch)
	case in.subscribeAlone.Len() > 0:
		in.take(c, &in.subscribeAlone, 1)
	case in.unsubscribe.Len() > 0:
		c.subscribe = false
		in.take(c, &in.unsubscribe, in.batch)
	default:
		return nil
	}
	in.sent = append(in.sent, c)
	return c
}

// take moves at most limit names from the queue to c. The caller holds mu.
func (in *interest) take(c *command, queue *list.List, limit int) {
	for queue.Len() > 0 && len(c.names) < limit {
		n := queue.Front().Value.(*name)
		in.dequeue(n)
		n.told = c.subscribe
		n.unanswered++
		c.names = append(c.names, n)
	}
}

// forgetIfDone forgets a name that nobody wants and Redis does not send. The
// caller holds mu.
func (in *interest) forgetIfDone(n *name) {
	if !n.wanted && !n.told && n.unanswered == 0 {
		delete(in.names, n.redis)
	}
}

// confirm takes in the answer for one name of the oldest command. It returns its
// channel, and whether that is now heard whole. ok is false when the answer is
// none that was expected: the link is then out of step.
func (in *interest) confirm(subscribe bool, redis string) (key channelKey, heard, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.sent) == 0 {
		return key, false, false
	}
	c := in.sent[0]
	n := c.names[c.answered]
	if n.redis != redis || c.subscribe != subscribe {
		return key, false, false
	}
	if c.answered++; c.answered == len(c.names) {
		in.dequeueSent()
	}
	n.unanswered--
	n.heard = n.wanted && n.unanswered == 0 && n.queue == nil
	in.forgetIfDone(n)
	if !n.heard {
		return n.topic.key, false, true
	}
	for _, other := range n.topic.names {
		if !other.heard {
			return n.topic.key, false, true
		}
	}
	return n.topic.key, true, true
}

// reject takes in that Redis refused the oldest command as a whole, since the
// node may not hear one of the names. Of several each is tried by itself; a single
// one is given up, and its channel returned. ok is false when no command could
// have been refused.
func (in *interest) reject() (refused channelKey, gaveUp, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.sent) == 0 || in.sent[0].answered > 0 {
		return refused, false, false
	}
	c := in.dequeueSent()
	for _, n := range c.names {
		n.unanswered--
		in.forgetIfDone(n) // who may not unsubscribe goes on hearing what nobody wants
		if c.subscribe && n.wanted && len(c.names) > 1 {
			n.alone = true
			in.enqueue(n)
		}
	}
	n := c.names[0]
	if len(c.names) > 1 || !c.subscribe || !n.wanted {
		return refused, false, true
	}
	// It counts as told, and so it is unsubscribed: go-redis remembers it, too.
	in.drop(n.topic)
	return n.topic.key, true, true
}

// dequeueSent takes the oldest command off the sent ones. The caller holds mu.
func (in *interest) dequeueSent() *command {
	c := in.sent[0]
	in.sent[0] = nil
	in.sent = in.sent[1:]
	return c
}

// find returns the channel that a Redis channel carries, if it is wanted.
func (in *interest) find(redis string) (channelKey, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if n := in.names[redis]; n != nil && n.wanted {
		return n.topic.key, true
	}
	return channelKey{}, false
}

// forget makes Redis know nothing: the link is gone.
func (in *interest) forget() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.sent = nil
	for _, n := range in.names {
		n.told, n.heard, n.alone, n.unanswered = false, false, false, 0
		if n.wanted {
			in.enqueue(n)
			continue
		}
		in.dequeue(n)
		in.forgetIfDone(n)
	}
}
