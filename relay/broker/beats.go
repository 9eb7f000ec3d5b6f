package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

const (
	// beatOf begins the text of a heartbeat, before the address of the master that it was
	// published to.
	beatOf = "@"
	// lookEvery is the time between two looks who the masters are.
	lookEvery = time.Second
)

// beats knows of each master when a heartbeat came back, and which are on their way.
type beats struct {
	mu sync.Mutex
	of *redisconn.Map
	// heard is when the heartbeat of a master came back; zero before it ever did.
	heard map[string]time.Time
	// owed is since when one that the master took is on its way.
	owed map[string]time.Time
}

// hear notes that the heartbeat of a master came back. It returns since when not all masters
// of m were heard, and whether each of them ever was.
func (b *beats) hear(m *redisconn.Map, master string, now time.Time) (oldest time.Time, all bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turnTo(m)
	if _, known := b.heard[master]; known {
		b.heard[master] = now
		delete(b.owed, master)
	}
	oldest = now
	for _, at := range b.heard {
		if at.Before(oldest) {
			oldest = at
		}
	}
	return oldest, !oldest.IsZero()
}

// took notes that a master took a heartbeat which was given to it at a time. It is owed
// unless one has come since.
func (b *beats) took(m *redisconn.Map, master string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turnTo(m)
	heard, known := b.heard[master]
	if _, owed := b.owed[master]; known && !owed && heard.Before(at) {
		b.owed[master] = at
	}
}

// deaf returns a master whose heartbeat is owed for too long; "" where there is none.
func (b *beats) deaf(now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for master, since := range b.owed {
		if now.Sub(since) > linkTimeout {
			return master
		}
	}
	return ""
}

// turnTo forgets those that are no masters of m. The caller holds mu.
func (b *beats) turnTo(m *redisconn.Map) {
	if b.of == m || m == nil {
		return
	}
	heard, owed := b.heard, b.owed
	b.of, b.heard, b.owed = m, make(map[string]time.Time), make(map[string]time.Time)
	for _, address := range m.Masters() {
		b.heard[address] = heard[address]
		if since, is := owed[address]; is {
			b.owed[address] = since
		}
	}
}

// server returns who the masters are, and the address of the one to subscribe at: of a
// Cluster any, since each is told what is published to the others.
func (l *link) server(ctx context.Context) (of *redisconn.Map, at string, err error) {
	m, err := l.broker.config.Redis.Find(ctx)
	if err != nil {
		return nil, "", err
	}
	return m, m.Masters()[rand.N(len(m.Masters()))], nil //nolint:gosec // no secret
}

// watchMasters ends the link when there are other masters than those of the map. One that is
// none any more may go on answering for a while, and hear nothing; and of what was published
// while one took the place of another some may be lost.
func (l *link) watchMasters(ctx context.Context, of *redisconn.Map) {
	others := func(m *redisconn.Map) bool { return !slices.Equal(m.Masters(), of.Masters()) }
	if m := l.broker.config.Redis.Await(ctx, lookEvery, others); m != nil {
		l.fail(fmt.Errorf("the masters are %s, not %s any more", m.Masters(), of.Masters()))
	}
}

// keepAnswering has Redis say something on the link again and again, until ctx ends, and ends
// the link where it is deaf. What is subscribed to already is confirmed again, for which a
// user needs no further right, as it would for PING.
func (l *link) keepAnswering(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := l.pubsub.Subscribe(ctx, l.broker.names.heartbeat); err != nil {
			l.fail(fmt.Errorf("asking for an answer: %w", err))
			return
		}
		if master := l.beats.deaf(time.Now()); master != "" {
			l.fail(fmt.Errorf("what is published to %s does not come for %s", master, linkTimeout))
			return
		}
	}
}

// publishHeartbeats publishes until ctx ends. What fails is not repeated. A master that does
// not answer holds up no other.
func (l *link) publishHeartbeats(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	waiting := make(map[string]*atomic.Bool) // by master: that it has yet to answer
	for {
		l.publishTo(ctx, waiting)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// publishTo publishes a heartbeat to each master that is not waited for.
func (l *link) publishTo(ctx context.Context, waiting map[string]*atomic.Bool) {
	m, err := l.broker.config.Redis.Known(ctx)
	if err != nil {
		l.warnUnheard(ctx, err)
		return
	}
	for _, master := range m.Masters() {
		busy := waiting[master]
		if busy == nil {
			busy = new(atomic.Bool)
			waiting[master] = busy
		}
		if busy.Swap(true) {
			continue
		}
		l.publishing.Go(func() {
			defer busy.Store(false)
			began := time.Now()
			client, err := l.broker.pool.At(m, master)
			if err == nil {
				err = l.broker.beat(ctx, client, beatOf+master)
			}
			if err == nil {
				l.beats.took(m, master, began)
			}
			l.warnUnheard(ctx, err)
		})
	}
}

// warnUnheard logs once that heartbeats cannot be published.
func (l *link) warnUnheard(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) && !l.warned.Swap(true) {
		l.broker.log.Warn("publishing to Redis fails", "error", err)
	}
}

// beat publishes to the node itself.
func (b *Broker) beat(ctx context.Context, client *redis.Client, text string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return client.Publish(ctx, b.names.heartbeat, text).Err()
}
