package redisconn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

const (
	// againFor is for how long it is tried again what Redis did not carry out.
	againFor = 2 * time.Second
	// againAfter is the pause before.
	againAfter = 50 * time.Millisecond
	// retiredFor is for how long the client of a server that is no master any more is kept
	// for those who are using it.
	retiredFor = 10 * time.Second
)

// Pool has a client for each master.
type Pool struct {
	// Static.
	servers *Servers
	options func(base *redis.Options) *redis.Options

	// suspect says that a master could not be reached: it may be none any more.
	suspect atomic.Bool

	mu      sync.Mutex
	current *Map
	clients map[string]*redis.Client // by address; nil once closed
	retired map[string]time.Time     // since when those are no master's
}

// NewPool returns a pool of clients that options makes from those of the servers. It
// connects when it is used.
func NewPool(servers *Servers, options func(base *redis.Options) *redis.Options) *Pool {
	return &Pool{
		servers: servers, options: options,
		clients: make(map[string]*redis.Client), retired: make(map[string]time.Time),
	}
}

// Of returns the client of the master that has the key.
func (p *Pool) Of(ctx context.Context, key string) (*redis.Client, error) {
	m, err := p.known(ctx)
	if err != nil {
		return nil, err
	}
	return p.At(m, m.Of(key))
}

// Each returns a client of each master.
func (p *Pool) Each(ctx context.Context) ([]*redis.Client, error) {
	m, err := p.known(ctx)
	if err != nil {
		return nil, err
	}
	var all []*redis.Client
	for _, address := range m.Masters() {
		c, err := p.At(m, address)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Part is what one master has of several items.
type Part struct {
	Client *redis.Client
	Items  []int
}

// Split tells n items apart by the masters that have their keys, in their order.
func (p *Pool) Split(ctx context.Context, n int, key func(i int) string) ([]Part, error) {
	return p.split(ctx, n, key, (*Map).index)
}

// SplitAtomic tells n items apart by what one transaction can do: all of them, but in a
// Cluster those of one slot.
func (p *Pool) SplitAtomic(ctx context.Context, n int, key func(i int) string) ([]Part, error) {
	if !p.servers.IsCluster() {
		return p.Split(ctx, n, key)
	}
	return p.split(ctx, n, key, func(_ *Map, key string) int { return int(slot(key)) })
}

// split tells n items apart by what group says of their keys. Those of a group have one master.
func (p *Pool) split(ctx context.Context, n int, key func(i int) string, group func(m *Map, key string) int) ([]Part, error) {
	m, err := p.known(ctx)
	if err != nil {
		return nil, err
	}
	var parts []Part
	places := make(map[int]int, len(m.Masters()))
	for i := range n {
		of := group(m, key(i))
		place, known := places[of]
		if !known {
			c, err := p.At(m, m.Of(key(i)))
			if err != nil {
				return nil, err
			}
			place = len(parts)
			places[of] = place
			parts = append(parts, Part{Client: c})
		}
		parts[place].Items = append(parts[place].Items, i)
	}
	return parts, nil
}

// Do runs do with the client of the master that has the key; again, for two seconds at the
// most, while Redis says that it did not carry it out (see [IsNotDone]): then it is looked
// who the master is. So do is to be one command, or of no effect where it is not carried
// out as a whole.
func (p *Pool) Do(ctx context.Context, key string, do func(*redis.Client) error) error {
	return p.again(ctx, func() error {
		c, err := p.Of(ctx, key)
		if err != nil {
			return err
		}
		return do(c)
	})
}

// DoParts runs do with each part of n items, all parts at a time, and again as [Pool.Do]
// does. It is for what may be repeated. The error is one of a part.
func (p *Pool) DoParts(ctx context.Context, n int, key func(i int) string, do func(Part) error) error {
	return p.again(ctx, func() error {
		parts, err := p.Split(ctx, n, key)
		if err != nil {
			return err
		}
		return Each(parts, do)
	})
}

// mostParts is how many parts are worked on at a time.
const mostParts = 16

// Each runs do with each part, many at a time, and waits for all. The error is one of a part.
func Each(parts []Part, do func(Part) error) error {
	if len(parts) == 1 {
		return do(parts[0])
	}
	var all errgroup.Group
	all.SetLimit(mostParts)
	for _, part := range parts {
		all.Go(func() error { return do(part) })
	}
	return all.Wait()
}

func (p *Pool) again(ctx context.Context, do func() error) error {
	for until := time.Now().Add(againFor); ; {
		err := do()
		p.note(err)
		if !IsNotDone(err) || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return err
		}
		_, _ = p.servers.Look(ctx) // else what is known may still do
	}
}

// known returns who the masters are, and looks where one could not be reached before.
func (p *Pool) known(ctx context.Context) (*Map, error) {
	if p.suspect.Swap(false) {
		if m, err := p.servers.Look(ctx); err == nil {
			return m, nil
		}
	}
	return p.servers.Known(ctx)
}

// note notes whether a master could not be reached.
func (p *Pool) note(err error) {
	var reply redis.Error
	if err != nil && !errors.As(err, &reply) {
		p.suspect.Store(true)
	}
}

// At returns the client of the master at address, which is one of the map's.
func (p *Pool) At(m *Map, address string) (*redis.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients == nil {
		return nil, redis.ErrClosed
	}
	if m != p.current || len(p.retired) > 0 {
		p.current = m
		p.retire()
	}
	c := p.clients[address]
	if c == nil {
		c = redis.NewClient(p.options(p.servers.Options(address)))
		p.clients[address] = c
	}
	return c, nil
}

// retire closes the clients of servers that have been no masters for long. The caller
// holds mu.
func (p *Pool) retire() {
	masters := make(map[string]bool)
	for _, address := range p.current.Masters() {
		masters[address] = true
	}
	for address, c := range p.clients {
		since, retired := p.retired[address]
		switch {
		case masters[address]:
			delete(p.retired, address)
		case !retired:
			p.retired[address] = time.Now()
		case time.Since(since) > retiredFor:
			delete(p.retired, address)
			delete(p.clients, address)
			_ = c.Close() // nobody is using it
		}
	}
}

// Close closes all clients. Nothing works afterwards.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.clients {
		errs = append(errs, c.Close())
	}
	p.clients = nil
	return errors.Join(errs...)
}
