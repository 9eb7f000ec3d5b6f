package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

// batch is how many sessions Redis is told of, or asked for, in one round trip.
const batch = 500

// release deletes a key that holds what it is said to hold, and leaves another node's alone.
const release = `
if redis.pcall('GET', KEYS[1]) == ARGV[1] then
	return redis.call('DEL', KEYS[1])
end
return 0`

// link is one connection, from its making to the first error of any kind. Redis may have
// lost everything between two of them: so each begins with all sessions.
type link struct {
	*Registry
	client *redis.Client
	// left is what the mark is to hold, another text each time.
	left string
	// When to tell all again, and when to look for the mark.
	refresh, look time.Time
}

// runLink tells and asks Redis until ctx ends or something fails, and says whether it could
// tell all once. It may go on, for its last words, as long as life.
func (r *Registry) runLink(ctx, life context.Context) (began bool, err error) {
	who, err := r.config.Redis.Find(ctx)
	if err != nil {
		return false, err
	}
	master := who.Of(r.mark)
	life, end := context.WithCancel(life)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end()
	watching.Go(func() { r.watch(life, master, end) })
	o := redisconn.Strict(r.config.Redis.Options(master), callTime)
	o.PoolSize = 2 // there is one; but after as many failures the client would dial by itself
	o.ConnMaxIdleTime, o.ConnMaxLifetime = -1, 0
	o.Dialer = redisconn.DialOnce(ctx, life, callTime, o.TLSConfig)
	l := &link{Registry: r, client: redis.NewClient(o)}
	defer l.client.Close()
	if err := r.script.Load(life, l.client); err != nil {
		return false, err
	}
	if err := l.begin(life); err != nil {
		return false, err
	}
	r.away.Store(false)
	for ctx.Err() == nil {
		if err := l.step(ctx, life); err != nil {
			return true, err
		}
	}
	return true, l.finish(life)
}

// watch ends the link to a master when it is found to be none any more.
func (r *Registry) watch(ctx context.Context, master string, end func()) {
	if r.config.Redis.Await(ctx, watchEvery, func(m *redisconn.Map) bool { return m.Of(r.mark) != master }) != nil {
		end()
	}
}

// begin tells all.
func (l *link) begin(ctx context.Context) error {
	l.sessions.repeat()
	l.refresh = time.Now().Add(l.config.Refresh)
	if err := l.leaveMark(ctx); err != nil {
		return err
	}
	return l.tellAll(ctx)
}

func (l *link) tellAll(ctx context.Context) error {
	for {
		if more, err := l.tell(ctx); err != nil || !more {
			return err
		}
	}
}

// step tells and asks what there is to tell and ask, or waits for some.
func (l *link) step(ctx, life context.Context) error {
	more, err := l.tell(life)
	if err == nil {
		err = l.keep(life)
	}
	asks := l.gather(nil)
	if err == nil && !more && len(asks) == 0 {
		asks = l.wait(ctx)
	}
	return l.ask(life, asks, err)
}

// keep tells all again where it is time to, or where the mark is gone.
func (l *link) keep(ctx context.Context) error {
	now := time.Now()
	lost := false
	if !now.Before(l.look) {
		there, err := l.findMark(ctx)
		if err != nil {
			return err
		}
		lost = !there
	}
	if lost || !now.Before(l.refresh) {
		return l.begin(ctx)
	}
	return nil
}

// finish tells that this node has no sessions any more.
func (l *link) finish(ctx context.Context) error {
	l.sessions.releaseAll()
	if err := l.tellAll(ctx); err != nil {
		return err
	}
	return l.client.Del(ctx, l.mark).Err()
}

// wait waits until something is due or asked, or it is time for something. It returns what
// is asked.
func (l *link) wait(ctx context.Context) []*ask {
	timer := time.NewTimer(min(time.Until(l.look), time.Until(l.refresh)))
	defer timer.Stop()
	select {
	case a := <-l.asks:
		return l.gather([]*ask{a})
	case <-l.sessions.changed:
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// gather adds what is asked by now, up to a batch.
func (l *link) gather(asks []*ask) []*ask {
	for len(asks) < batch {
		select {
		case a := <-l.asks:
			asks = append(asks, a)
		default:
			return asks
		}
	}
	return asks
}

// leaveMark leaves another mark. Whatever loses a session that is set after it loses it, too.
func (l *link) leaveMark(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	l.left, l.look = rand.Text(), time.Now().Add(markEvery)
	if err := l.client.Set(ctx, l.mark, l.left, l.config.Lease).Err(); err != nil {
		return fmt.Errorf("leaving a mark: %w", err)
	}
	return nil
}

// findMark says whether the mark is there.
func (l *link) findMark(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	l.look = time.Now().Add(markEvery)
	found, err := l.client.GetRange(ctx, l.mark, 0, mostValue).Result()
	if err != nil && !redisconn.IsReply(err, wrongType) {
		return false, fmt.Errorf("looking for the mark: %w", err)
	}
	return found == l.left, nil
}

// tell tells a batch of what is due, and says whether there may be more.
func (l *link) tell(ctx context.Context) (more bool, err error) {
	set, del := l.sessions.take(batch)
	if len(set)+len(del) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	pipe := l.client.Pipeline()
	for _, session := range set {
		name := l.config.Cluster.SessionName(session)
		pipe.Set(ctx, l.key(name), l.value(name), l.config.Lease)
	}
	for _, session := range del {
		name := l.config.Cluster.SessionName(session)
		pipe.EvalSha(ctx, l.script.SHA, []string{l.key(name)}, l.value(name))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		l.sessions.give(slices.Concat(set, del))
		return false, fmt.Errorf("telling which sessions are here: %w", err)
	}
	return true, nil
}
