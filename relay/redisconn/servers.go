package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// Servers are where Redis is: one server, the master that Sentinels name, or the masters of
// a Redis Cluster. Who the masters are is asked where it is needed; nothing is done by
// itself. It may be shared, and must be closed.
type Servers struct {
	// Static.
	source source
	base   *redis.Options // how to connect to a master, but for its address
	seeds  []string       // who can be asked, to begin with
	tls    *TLS           // nil as [TLS] says

	looking singleflight.Group
	known   atomic.Pointer[Map] // nil before anybody answered
	age     int64               // that of the answer; belongs to look

	mu sync.Mutex
	// asked are the clients of those who were asked, by address; nil once closed.
	asked  map[string]*redis.Client
	asking sync.WaitGroup
}

// source is who says who the masters are.
type source interface {
	// ask asks a server. A greater age is a newer answer; among those of one age the one
	// that most give counts.
	ask(ctx context.Context, client *redis.Client, address string) (m *Map, age int64, err error)
	// to returns how to connect to those who are asked.
	to() *redis.Options
	// also says whether the masters, too, can be asked.
	also() bool
}

const (
	// askTime is how long one who is asked may take.
	askTime = time.Second
	// others is how long the rest may take once the first has answered.
	others = 150 * time.Millisecond
)

// Single returns the one server that o connect to.
func Single(o *redis.Options) *Servers {
	s := newServers(nil, o, nil)
	s.known.Store(single(o.Addr))
	return s
}

func newServers(from source, base *redis.Options, seeds []string) *Servers {
	return &Servers{source: from, base: base, seeds: seeds, asked: make(map[string]*redis.Client)}
}

// IsSingle says whether there is one server, which is known once and for all.
func (s *Servers) IsSingle() bool { return s.source == nil }

// IsCluster says whether keys are spread over several masters.
func (s *Servers) IsCluster() bool { _, is := s.source.(cluster); return is }

// Options returns how to connect to the server at address, for the caller to change.
func (s *Servers) Options(address string) *redis.Options { return s.tls.at(s.base, address) }

// hostOf is the host of an address, or nothing.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

// Known returns who the masters are as it was found last. It looks where nobody has yet.
func (s *Servers) Known(ctx context.Context) (*Map, error) {
	if m := s.known.Load(); m != nil {
		return m, nil
	}
	return s.Look(ctx)
}

// Last returns who the masters are as it was found last, nil before it ever was.
func (s *Servers) Last() *Map { return s.known.Load() }

// Look finds out anew who the masters are, within about a second. Calls at the same time
// share an answer. After an error what was known still is.
func (s *Servers) Look(ctx context.Context) (*Map, error) {
	if s.IsSingle() {
		return s.known.Load(), nil
	}
	found := s.looking.DoChan("", func() (any, error) { return s.look(context.WithoutCancel(ctx)) })
	select {
	case result := <-found:
		m, _ := result.Val.(*Map)
		return m, result.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("finding Redis' master: %w", ctx.Err())
	}
}

// Find is Look; but what was known counts where nobody says anything: Sentinels may be gone,
// and Redis well.
func (s *Servers) Find(ctx context.Context) (*Map, error) {
	m, err := s.Look(ctx)
	if known := s.known.Load(); err != nil && known != nil {
		return known, nil
	}
	return m, err
}

// Await looks every so often who the masters are, until it finds those that is wants, and
// returns them; nil when ctx ends before. One server is never another.
func (s *Servers) Await(ctx context.Context, every time.Duration, is func(*Map) bool) *Map {
	if s.IsSingle() {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
		m, err := s.Look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && is(m): // after an error what was known counts
			return m
		}
	}
}

// answer is what one of those who were asked says.
type answer struct {
	from *Map
	age  int64
	err  error
}

// look asks everybody, and takes the newest answer.
func (s *Servers) look(ctx context.Context) (*Map, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	addresses := s.whom()
	answers := make(chan answer, len(addresses)) // so that nobody waits who comes late
	for _, address := range addresses {
		if err := s.ask(ctx, address, answers); err != nil {
			return nil, err
		}
	}
	good, err := gather(answers, len(addresses))
	if err != nil {
		return nil, fmt.Errorf("finding Redis' master: %w", err)
	}
	return s.take(good, len(addresses)), nil
}

// take takes the newest of the answers that so many gave who were asked. One that is older
// than what is known counts only if most give it: those who know better may be slow.
func (s *Servers) take(good []answer, asked int) *Map {
	found, before := newest(good), s.known.Load()
	if before != nil && found.age < s.age && 2*votes(good, found) <= asked {
		return before
	}
	s.age = found.age
	if before.Equal(found.from) {
		return before
	}
	s.known.Store(found.from)
	return found.from
}

// gather takes n answers, or those that come soon after the first good one.
func gather(answers <-chan answer, n int) (good []answer, err error) {
	var errs []error
	late := make(<-chan time.Time)
	for len(good)+len(errs) < n {
		select {
		case a := <-answers:
			if a.err != nil {
				errs = append(errs, a.err)
				continue
			}
			if len(good) == 0 {
				late = time.After(others)
			}
			good = append(good, a)
			continue
		case <-late:
		}
		break
	}
	if len(good) == 0 {
		return nil, errors.Join(errs...)
	}
	return good, nil
}

// newest returns the answer of the greatest age, among those the one that most give.
func newest(all []answer) answer {
	return slices.MaxFunc(all, func(a, b answer) int {
		if a.age != b.age {
			return int(min(max(a.age-b.age, -1), 1))
		}
		return votes(all, a) - votes(all, b)
	})
}

func votes(all []answer, one answer) (n int) {
	for _, a := range all {
		if a.age == one.age && a.from.Equal(one.from) {
			n++
		}
	}
	return n
}

// whom returns who is to be asked.
func (s *Servers) whom() []string {
	all := slices.Clone(s.seeds)
	if m := s.known.Load(); m != nil && s.source.also() {
		all = append(all, m.servers...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ask asks a server, unless all is closed.
func (s *Servers) ask(ctx context.Context, address string, answers chan<- answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		return redis.ErrClosed
	}
	client := s.client(address)
	s.asking.Go(func() { // Close waits for it
		m, age, err := s.source.ask(ctx, client, address)
		answers <- answer{m, age, err}
	})
	return nil
}

// client returns the client to ask a server by. The caller holds mu.
func (s *Servers) client(address string) *redis.Client {
	c := s.asked[address]
	if c == nil {
		o := Strict(s.tls.at(s.source.to(), address), askTime)
		o.PoolSize, o.PoolTimeout = 2, askTime // one may be in the hands of who did not answer
		c = redis.NewClient(o)
		s.asked[address] = c
	}
	return c
}

// Close lets go of the connections to those who were asked.
func (s *Servers) Close() error {
	s.mu.Lock()
	all := s.asked
	s.asked = nil
	s.mu.Unlock()
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	s.asking.Wait()
	return errors.Join(errs...)
}
