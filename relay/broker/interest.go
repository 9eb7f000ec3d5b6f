package broker

import "sync"

// batch is how many names one SUBSCRIBE or UNSUBSCRIBE carries at the most.
const batch = 500

// interest is what the node wants to hear, beside what Redis was told. Each link
// makes Redis agree, from nothing.
type interest struct {
	// Static.
	naming names
	// changed holds one signal, sent when there is something to tell Redis.
	changed chan struct{}

	mu     sync.Mutex
	topics map[channelKey]*topic
	// names finds by Redis channel what is wanted or not yet unsubscribed.
	names map[string]*name
	// stale are the names whose wish may differ from what Redis was told.
	stale []*name
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

// name is one Redis channel.
type name struct {
	redis string
	topic *topic

	wanted bool
	told   bool // the last command was to subscribe
	heard  bool // Redis confirmed it
	alone  bool // to be subscribed to by a command of its own
	listed bool // in interest.stale
	// unanswered counts the commands with this name that Redis has not answered.
	unanswered int
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
		changed: make(chan struct{}, 1),
		topics:  make(map[channelKey]*topic),
		names:   make(map[string]*name),
	}
}

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
		n.topic, n.wanted = t, true
		in.list(n)
	}
}

func (in *interest) unwatch(appID, channel string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := channelKey{appID, channel}
	if t := in.topics[key]; t != nil {
		in.drop(t)
	}
}

// drop makes a topic unwanted. The caller holds mu.
func (in *interest) drop(t *topic) {
	delete(in.topics, t.key)
	for _, n := range t.names {
		n.wanted = false
		in.list(n)
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

// list notes that Redis may have to be told of n. The caller holds mu.
func (in *interest) list(n *name) {
	if n.listed {
		return
	}
	n.listed = true
	in.stale = append(in.stale, n)
	select {
	case in.changed <- struct{}{}:
	default:
	}
}

// next returns the next command to send, nil when Redis knows everything. It
// counts as sent.
func (in *interest) next() *command {
	in.mu.Lock()
	defer in.mu.Unlock()
	var c *command
	taken := 0
	for _, n := range in.stale {
		if n.wanted == n.told {
			n.listed = false
			taken++
			in.forgetIfDone(n)
			continue
		}
		if c == nil {
			c = &command{subscribe: n.wanted}
		} else if c.subscribe != n.wanted || len(c.names) == batch || n.alone || c.names[0].alone {
			break
		}
		n.listed = false
		taken++
		n.told = n.wanted
		n.unanswered++
		c.names = append(c.names, n)
	}
	in.stale = append(in.stale[:0], in.stale[taken:]...)
	if c != nil {
		in.sent = append(in.sent, c)
	}
	return c
}

// forgetIfDone forgets a name that nobody wants and Redis does not send. The
// caller holds mu.
func (in *interest) forgetIfDone(n *name) {
	if !n.wanted && !n.told && n.unanswered == 0 {
		delete(in.names, n.redis)
	}
}

// confirm takes in the answer for one name of the oldest command. It returns the
// channel that is now heard whole, if that is so. ok is false when the answer is
// none that was expected: the link is then out of step.
func (in *interest) confirm(redis string) (key channelKey, heard, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.sent) == 0 {
		return key, false, false
	}
	c := in.sent[0]
	n := c.names[c.answered]
	if n.redis != redis {
		return key, false, false
	}
	if c.answered++; c.answered == len(c.names) {
		in.sent = in.sent[1:]
	}
	n.unanswered--
	n.heard = c.subscribe && n.unanswered == 0
	n.alone = n.alone && !n.heard
	in.forgetIfDone(n)
	if !n.heard || !n.wanted {
		return key, false, true
	}
	for _, other := range n.topic.names {
		if !other.heard {
			return key, false, true
		}
	}
	return n.topic.key, true, true
}

// reject takes in that Redis refused the oldest command as a whole. Of several
// names each is tried by itself; a single one is given up, and its channel
// returned. ok is false when no command was under way.
func (in *interest) reject() (refused channelKey, gaveUp, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.sent) == 0 || in.sent[0].answered > 0 {
		return refused, false, false
	}
	c := in.sent[0]
	in.sent = in.sent[1:]
	for _, n := range c.names {
		n.unanswered--
		n.told = !c.subscribe
		n.alone = true
		in.list(n)
	}
	if len(c.names) > 1 || !c.names[0].wanted {
		return refused, false, true
	}
	t := c.names[0].topic
	in.drop(t)
	return t.key, true, true
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
		n.told, n.heard, n.unanswered = false, false, 0
		in.list(n)
	}
}
