package roster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// session is one connection that tells a master its partitions, from its making to the first
// error of any kind. Redis may have been restarted between two of them: so each begins with
// the leases, and tells everything again.
type session struct {
	*teller
	client *redis.Client
	// When to refresh the leases and to sweep.
	refresh, sweep time.Time
}

// batch is how much one call of the script does.
const batch = 100

// runSession runs a session until ctx ends or something fails. It may go on, for its last
// words, as long as life. It says whether it ever had the leases.
func (t *teller) runSession(ctx, life context.Context) (leased bool, err error) {
	life, end := context.WithCancel(life)
	defer end()
	o := redisconn.Strict(t.config.Redis.Options(t.master), callTimeout)
	o.PoolSize, o.ConnMaxIdleTime, o.ConnMaxLifetime = 1, -1, 0
	o.Dialer = redisconn.DialOnce(ctx, life, callTimeout, o.TLSConfig)
	s := &session{teller: t, client: redis.NewClient(o)}
	defer s.client.Close()
	if err := s.begin(life); err != nil {
		return false, err
	}
	for _, p := range s.parts {
		p.away.Store(nil)
	}
	for ctx.Err() == nil {
		if err := s.step(ctx, life); err != nil {
			return true, err
		}
	}
	return true, s.finish(life)
}

func (s *session) begin(ctx context.Context) error {
	if err := s.script.Load(ctx, s.client); err != nil {
		return err
	}
	if err := s.lease(ctx); err != nil {
		return err
	}
	for _, p := range s.parts {
		s.wishes.repeat(p.number, false)
	}
	s.sweep = time.Now() // who is gone may have gone long ago
	return nil
}

// step does what it is time for, tells Redis what is due, and waits where that was nothing.
func (s *session) step(ctx, life context.Context) error {
	if !s.isMaster() {
		return errOver
	}
	now := time.Now()
	if !now.Before(s.refresh) {
		if err := s.lease(life); err != nil {
			return err
		}
	}
	if !now.Before(s.sweep) {
		if err := s.sweepAll(life); err != nil {
			return err
		}
	}
	next := s.askAgain(now)
	for _, at := range []time.Time{s.refresh, s.sweep} {
		next = min(next, time.Until(at))
	}
	if rest := s.wishes.flushCounts(false); rest > 0 {
		next = min(next, rest)
	}
	more, err := s.flush(life)
	if err != nil || more {
		return err
	}
	s.wait(ctx, next)
	return nil
}

// wait waits for something to tell, but not beyond ctx, and not for longer than d.
func (s *session) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// finish says the last words: what is due, and that the leases are given back.
func (s *session) finish(ctx context.Context) error {
	s.wishes.flushCounts(true)
	for {
		if more, err := s.flush(ctx); err != nil || !more {
			if err != nil {
				return err
			}
			break
		}
	}
	_, err := s.call(ctx, s.parts, func(p *part) []any { return []any{"release", p.incarnation} })
	return err
}

// call calls the script for some partitions in one round trip, with what args gives for
// each, and returns the replies in the same order.
func (s *session) call(ctx context.Context, parts []*part, args func(*part) []any) ([]*redis.Cmd, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pipe := s.client.Pipeline()
	replies := make([]*redis.Cmd, len(parts))
	for i, p := range parts {
		replies[i] = pipe.EvalSha(ctx, s.script.SHA, []string{p.name}, args(p)...)
	}
	_, err := pipe.Exec(ctx)
	return replies, err
}

// lease takes or refreshes the leases of all partitions. An incarnation that has lost its
// lease is over: another takes its place, and says everything from the beginning.
func (s *session) lease(ctx context.Context) error {
	began := time.Now()
	s.refresh = began.Add(s.config.Refresh)
	for parts := s.parts; len(parts) > 0; {
		replies, err := s.call(ctx, parts, func(p *part) []any {
			return []any{
				"lease", p.incarnation, p.epoch,
				ms(s.config.Lease), ms(s.silence()), ms(s.hold()),
			}
		})
		if err != nil {
			return fmt.Errorf("leasing: %w", err)
		}
		var over []*part
		for i, p := range parts {
			held, err := s.leased(p, replies[i], began)
			if err != nil {
				return err
			}
			if !held {
				over = append(over, p)
			}
		}
		parts = over
	}
	return nil
}

// leased takes in the answer to the command lease. It says whether p has its lease.
func (s *session) leased(p *part, reply *redis.Cmd, asked time.Time) (bool, error) {
	answer, err := reply.Slice()
	if err != nil {
		return false, err
	}
	if len(answer) != 3 {
		return false, errUnexpected
	}
	p.noteAlone(asked, answer[2] == int64(0))
	if answer[1] == int64(0) {
		p.incarnation, p.epoch = newIncarnation(), lost
		return false, nil
	}
	if p.epoch == unknown || p.epoch == lost {
		s.wishes.repeat(p.number, true)
	}
	p.epoch, _ = answer[0].(string)
	return true, nil
}

var errUnexpected = errors.New("an answer from Redis that was not expected")

// sweepAll looks for nodes that are gone.
func (s *session) sweepAll(ctx context.Context) error {
	replies, err := s.call(ctx, s.parts, func(*part) []any {
		return []any{"sweep", ms(s.silence()), sweepRows}
	})
	if err != nil {
		return fmt.Errorf("sweeping: %w", err)
	}
	s.sweep = time.Now().Add(s.config.Sweep*3/4 + rand.N(s.config.Sweep/2))
	for _, reply := range replies {
		if more, err := reply.Int(); err == nil && more == 1 {
			s.sweep = time.Now()
		}
	}
	return nil
}

// sweepRows is about how many rows a sweep takes back by one call.
const sweepRows = 1000

// silence is after how long without a lease of anybody's Redis is taken to have been
// away: those who live may have lost their leases then, or soon will.
func (r *Roster) silence() time.Duration { return r.config.Lease - 2*r.config.Refresh }

// hold is for how long nobody is swept after Redis was away: until then all who live
// have their leases again.
func (r *Roster) hold() time.Duration { return r.config.Lease / 2 }

func ms(d time.Duration) int64 { return d.Milliseconds() }

// askAgain asks again for the rolls that were not settled and are now. It returns when
// that will be the next time.
func (s *session) askAgain(now time.Time) (next time.Duration) {
	next = s.config.Refresh
	for _, p := range s.parts {
		switch rest := p.settles.Sub(now); {
		case len(p.unsettled) == 0:
		case rest > 0:
			next = min(next, rest)
		default:
			for name := range p.unsettled {
				s.wishes.ask(name.App, name.Channel, protocol.Version{})
			}
			p.unsettled = make(map[protocol.ChannelName]bool)
		}
	}
	return next
}
