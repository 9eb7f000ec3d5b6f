package roster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// replicas does with rolls and changes what the core does: of each channel it keeps what
// it was told, and asks where that does not fit. It hears Redis as a broker does.
type replicas struct {
	*node
	pubsub *redis.PubSub
	end    func()

	mu    sync.Mutex
	all   map[string]*replica
	left  map[string]int // how often a leave was told, by "CHANNEL USER"
	asked int            // how many rolls came
	story []string       // what came, for a test that fails
}

type replica struct {
	at      protocol.Version
	members map[string]bool // as Redis has them
	own     map[string]bool // those whom this node wants
	shown   map[string]bool // those of whom a join was told, and no leave since
	count   int
}

func newReplicas(t *testing.T, n *node, server *relaytest.Redis, channels []string) *replicas {
	r := &replicas{node: n, all: make(map[string]*replica), left: make(map[string]int)}
	var topics []string
	for _, channel := range channels {
		r.all[channel] = &replica{members: make(map[string]bool), own: make(map[string]bool), shown: make(map[string]bool)}
		topics = append(topics, protocol.RosterTopic(prefix, "1", channel))
	}
	n.told.rolled = r.rolled
	ctx, cancel := context.WithCancel(context.Background())
	r.pubsub = server.Client().Subscribe(ctx, topics...)
	var running sync.WaitGroup
	running.Go(func() { r.hear(ctx) })
	r.end = func() {
		cancel()
		_ = r.pubsub.Close()
		running.Wait()
	}
	t.Cleanup(r.end)
	return r
}

// hear takes in what Redis sends until ctx ends.
func (r *replicas) hear(ctx context.Context) {
	for ctx.Err() == nil {
		m, err := r.pubsub.Receive(ctx)
		switch m := m.(type) {
		case *redis.Subscription:
			r.Ask("1", channelOf(m.Channel), protocol.Version{})
		case *redis.Message:
			change, err := protocol.ParseChange([]byte(m.Payload))
			if err != nil {
				r.t.Error(err)
				return
			}
			r.changed(channelOf(m.Channel), change)
		}
		if errors.Is(err, redis.ErrClosed) {
			return
		}
	}
}

func channelOf(topic string) string { return topic[strings.LastIndex(topic, ":")+1:] }

func (r *replicas) changed(channel string, c protocol.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.all[channel]
	if c.At.Epoch == p.at.Epoch && c.At.N <= p.at.N {
		return
	}
	r.tell(channel, "change", changeText(c), c.Prev, c.At, "at", p.at)
	empty := c.Prev == 0 && len(p.members) == 0 && p.count == 0
	if c.At.Epoch != p.at.Epoch || c.Prev != p.at.N && !empty {
		r.Ask("1", channel, protocol.Version{})
		return
	}
	p.at = c.At
	switch {
	case c.Joined != nil:
		p.members[c.Joined.ID] = true
	case c.Left != "":
		delete(p.members, c.Left)
	case !c.Ended:
		p.count = c.Count
	}
	r.show(channel, p)
}

func (r *replicas) rolled(channel string, roll protocol.Roll) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	r.tell(channel, "roll", rollText(roll), roll.At, "at", r.all[channel].at)
	p := r.all[channel]
	if roll.At.Epoch == p.at.Epoch && roll.At.N < p.at.N {
		r.Ask("1", channel, protocol.Version{})
		return
	}
	if roll.Settled {
		clear(p.members)
	}
	for _, m := range roll.Members {
		p.members[m.ID] = true
	}
	p.at, p.count = roll.At, roll.Count
	r.show(channel, p)
}

// show tells of those who came and went, but never that one of this node's own left.
func (r *replicas) show(channel string, p *replica) {
	for id := range p.members {
		p.shown[id] = true
	}
	for id := range p.shown {
		if !p.members[id] && !p.own[id] {
			delete(p.shown, id)
			r.tell(channel, "so", id, "has left")
			r.left[channel+" "+id]++
		}
	}
}

// tell adds to the story.
func (r *replicas) tell(what ...any) {
	r.story = append(r.story, time.Now().Format("05.000 ")+fmt.Sprintln(what...))
}

// storyOf is what was told of the channel of "CHANNEL USER".
func (r *replicas) storyOf(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	channel, _, _ := strings.Cut(key, " ")
	return strings.Join(slices.DeleteFunc(r.story, func(line string) bool { return !strings.Contains(line, channel) }), "")
}

// want notes whom the node itself wants.
func (r *replicas) want(channel, user string, wanted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.all[channel]
	p.own[user] = wanted
	r.show(channel, p)
}

func (r *replicas) state(channel string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.all[channel]
	ids := []string{}
	for id := range p.shown {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return fmt.Sprint(ids, " ", p.count)
}

func (r *replicas) leaves() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]int)
	for key, n := range r.left {
		all[key] = n
	}
	return all
}

// heard waits until the node hears Redis.
func (r *replicas) heard() {
	r.t.Helper()
	answers := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.asked
	}
	before := answers()
	r.Ask("1", "presence-a", protocol.Version{})
	relaytest.Eventually(r.t, "the node hears Redis", func() bool { return answers() > before })
}

// pass lets a moment pass in which something may come.
func (r *replicas) pass() {
	select {
	case <-r.told.more:
	case <-time.After(5 * time.Millisecond):
	}
}
