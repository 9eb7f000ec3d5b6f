package authorize

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// keepUndecided is how long it is kept that something could not be decided: who asks again and again
// is no further load for a decider in trouble.
const keepUndecided = time.Second

// mostKept is how many answers are kept. One is what the CI says of a user: a few bytes, 16 KiB at
// the most.
const mostKept = 10_000

// Cache is a [Decider] that asks Next once for what many want to know, and keeps the answer for
// a while, be it yes or no. What could not be decided is asked again a second later. All fields but
// Revocations are required.
type Cache struct {
	Next Decider
	Keep time.Duration // 0 means that nothing is kept
	// Patience is how long an answer may take.
	Patience time.Duration
	// Revocations are what makes an answer be no more believed; nil where nothing does.
	Revocations *relay.Revocations
	Metrics     metrics.Authorizations
	Now         func() time.Time

	flights singleflight.Group

	mu    sync.Mutex
	by    map[asker]kept
	order []asker // of by, the oldest first
}

// asker is a digest of who asks for what: what shows who somebody is is not kept.
type asker [sha256.Size]byte

type kept struct {
	answer Answer // its After is there for no, too
	err    error  // nil where the client may
	until  time.Time
}

// Decide is that of a [Decider]. Who asks while another asks the same waits with it, whatever
// becomes of the other.
func (c *Cache) Decide(ctx context.Context, q Question) (Answer, error) {
	who := askerOf(q)
	if k, ok := c.find(who); ok && !c.Revocations.Doubted(q.App, q.Channel, k.answer.decision()) {
		c.Metrics.AuthorizationsCached.Inc()
		return k.answer, k.err
	}
	answer, err, _ := c.flights.Do(string(who[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Patience)
		defer cancel()
		answer, err := c.Next.Decide(ctx, q)
		answer.After = q.After
		if keep := c.keep(err); keep > 0 {
			c.put(who, kept{answer, err, earlier(c.Now().Add(keep), answer.Until)})
		}
		return answer, err
	})
	if err != nil {
		return Answer{}, err
	}
	return answer.(Answer), nil
}

// askerOf tells apart all that an answer may depend on, but for the connection.
func askerOf(q Question) asker {
	hash := sha256.New()
	for _, part := range []string{q.App, q.Channel, string(q.Cookie), string(q.Authorization)} {
		_ = binary.Write(hash, binary.BigEndian, uint64(len(part)))
		hash.Write([]byte(part))
	}
	return asker(hash.Sum(nil))
}

// earlier is the earlier of two times, of which bound may be none.
func earlier(t, bound time.Time) time.Time {
	if !bound.IsZero() && bound.Before(t) {
		return bound
	}
	return t
}

func (c *Cache) find(who asker) (kept, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.by[who]
	return k, ok && c.Now().Before(k.until)
}

// keep is how long an answer is kept.
func (c *Cache) keep(err error) time.Duration {
	switch outcomeOf(err) {
	case outcomeGranted, outcomeDenied:
		return c.Keep
	case outcomeUndecided:
		return min(c.Keep, keepUndecided)
	default: // it says nothing of the question
		return 0
	}
}

// put keeps an answer, and lets go of those that are over and, where there are too many, of the
// oldest.
func (c *Cache) put(who asker, k kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	for len(c.order) > 0 && (len(c.order) >= mostKept || !now.Before(c.by[c.order[0]].until)) {
		delete(c.by, c.order[0])
		c.order = c.order[1:]
	}
	if c.by == nil {
		c.by = make(map[asker]kept)
	}
	if _, ok := c.by[who]; !ok {
		c.order = append(c.order, who)
	}
	c.by[who] = k
}
