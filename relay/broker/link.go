package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

const (
	// heartbeatEvery is how often the node publishes to itself.
	heartbeatEvery = 500 * time.Millisecond
	// linkTimeout is the silence after which a link is given up.
	linkTimeout = 2500 * time.Millisecond
	// masterPatience is for how long one master of a Cluster may be away before a node is
	// not ready: a replica takes over before that, as a rule, on which all nodes wait alike.
	masterPatience = 10 * time.Second
	// commandTimeout is how long Redis may take to answer a command: who publishes is to
	// know within two seconds.
	commandTimeout = 1500 * time.Millisecond
)

// link is one pub/sub connection, from its making to its first fault. go-redis
// would repair a connection by itself, but it does not notice one that is open
// and silent, and what was lost meanwhile would not be told; so a link is never
// repaired. Two things end it. One is its own silence: it is asked for an answer all the
// time. The other is that it is deaf: a heartbeat travels the ways of events, out by PUBLISH
// to each master and in by the subscription, and one that Redis took must come back. That
// nothing can be published says nothing about the link: others may go on publishing.
type link struct {
	// Static, once run has begun.
	broker *Broker
	sink   Sink // reads, before that of the broker
	reads  *cacheReads
	flush  func()
	pubsub *redis.PubSub
	// fail ends the link. The first call says why.
	fail context.CancelCauseFunc

	// running are the goroutines that end as soon as the link fails, publishing those
	// that may have to wait for Redis first.
	running, publishing sync.WaitGroup
	// warned says that it was logged that heartbeats cannot be published.
	warned atomic.Bool
	// beats are the heartbeats on their way.
	beats beats
	// uncached says that the last events of cache channels could not be read.
	uncached atomic.Bool
	// turn is held while a command is chosen, and while the sink is told of an
	// answer: a channel that is given up and asked for again just then would be
	// taken to be heard all the time, though Redis had been told to stop.
	turn sync.Mutex

	// Owned by run.

	// established says that Redis was told what the node wants to hear.
	established bool
	// silence fails the link unless something that comes puts it off. That ends a read and
	// a write alike, whoever waits for them.
	silence *time.Timer
}

// run works until the link fails or ctx ends. The caller waits for publishing.
func (l *link) run(ctx context.Context) error {
	ctx, l.fail = context.WithCancelCause(ctx)
	defer l.fail(nil)
	masters, at, err := l.server(ctx)
	if err != nil {
		return err
	}
	o := options(l.broker.config.Redis.Options(at))
	o.PoolSize, o.MinIdleConns = 1, 0
	o.Dialer = flushing(redisconn.DialOnce(ctx, ctx, linkTimeout, o.TLSConfig), l.flush)
	client := redis.NewClient(o)
	defer client.Close()
	l.pubsub = client.Subscribe(ctx)
	defer l.pubsub.Close()
	l.silence = time.AfterFunc(linkTimeout, func() {
		l.fail(fmt.Errorf("nothing came for %s", linkTimeout))
	})
	defer l.silence.Stop()

	err = l.start(ctx, masters)
	for err == nil {
		err = l.receive(ctx)
	}
	l.fail(err)
	l.running.Wait()
	return context.Cause(ctx)
}

// start connects, has Redis told what the node wants to hear, and begins to publish
// heartbeats.
func (l *link) start(ctx context.Context, masters *redisconn.Map) error {
	if err := l.pubsub.Subscribe(ctx, l.broker.names.heartbeat); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	answer, err := l.pubsub.Receive(ctx)
	if err != nil {
		return fmt.Errorf("subscribing to the heartbeat: %w", err)
	}
	if _, ok := answer.(*redis.Subscription); !ok {
		return errUnexpected
	}
	if err := l.beginTopics(ctx); err != nil {
		return err
	}
	l.establish(ctx)
	l.running.Go(func() { l.keepAnswering(ctx) })
	l.publishing.Go(func() { l.publishHeartbeats(ctx) })
	l.publishing.Go(func() { l.watchMasters(ctx, masters) })
	return nil
}

var errUnexpected = errors.New("an answer from Redis that was not expected")

// tellInterest makes Redis send what is wanted, until ctx ends or the link fails.
func (l *link) tellInterest(ctx context.Context) error {
	for {
		for c := l.nextCommand(); c != nil; c = l.nextCommand() {
			if err := l.send(ctx, c); err != nil {
				return fmt.Errorf("telling Redis what to send: %w", err)
			}
		}
		select {
		case <-l.broker.interest.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *link) nextCommand() *command {
	l.turn.Lock()
	defer l.turn.Unlock()
	return l.broker.interest.next()
}

func (l *link) send(ctx context.Context, c *command) error {
	channels := make([]string, len(c.names))
	for i, n := range c.names {
		channels[i] = n.redis
	}
	if c.subscribe {
		return l.pubsub.Subscribe(ctx, channels...)
	}
	return l.pubsub.Unsubscribe(ctx, channels...)
}

// receive takes in one thing that Redis sent. An error says that the link failed.
func (l *link) receive(ctx context.Context) error {
	m, err := l.pubsub.Receive(ctx)
	if err != nil {
		return l.handleError(err)
	}
	l.silence.Reset(linkTimeout)
	switch m := m.(type) {
	case *redis.Subscription:
		if m.Channel == l.broker.names.heartbeat {
			return nil // it said something
		}
		return l.confirm(m)
	case *redis.Message:
		if m.Channel == l.broker.names.heartbeat {
			l.hearItself(m.Payload)
			return nil
		}
		if t := l.broker.topic(m.Channel); t != nil {
			t.Hear(m.Payload)
			return nil
		}
		l.broker.deliver(m, l.sink)
	}
	return nil
}

// hearItself takes in what came on the node's own channel: a heartbeat, the token of a read,
// or nothing, at which it is only looked whether reads are answered.
func (l *link) hearItself(text string) {
	if master, is := strings.CutPrefix(text, beatOf); is {
		l.heartbeat(master)
	} else if text != "" {
		l.reads.hear(text)
	}
	l.reads.settle()
}

// heartbeat takes in the heartbeat that was published to a master.
func (l *link) heartbeat(master string) {
	m := l.broker.config.Redis.Last()
	if oldest, all := l.beats.hear(m, master, time.Now()); all && l.broker.heard.Swap(&oldest) == nil {
		l.broker.metrics.RedisUp.Set(1)
		l.broker.log.Info("Redis is heard")
	}
}

// establish has Redis told what the node wants to hear.
func (l *link) establish(ctx context.Context) {
	l.silence.Reset(linkTimeout)
	l.established = true
	l.broker.metrics.RedisLinks.Inc()
	l.broker.leases.renew()
	l.running.Go(func() { l.fail(l.tellInterest(ctx)) })
	l.publishing.Go(func() { l.readCaches(ctx) })
}

func (l *link) confirm(s *redis.Subscription) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	key, heard, ok := l.broker.interest.confirm(s.Kind == "subscribe", s.Channel)
	if !ok {
		return errUnexpected
	}
	if heard || s.Kind == "unsubscribe" {
		l.broker.masking.last.forget(key) // some may have been missed, or will be
	}
	if heard {
		l.sink.Confirmed(key.app, key.channel)
	}
	return nil
}

// handleError tells a refused command from a broken link.
func (l *link) handleError(err error) error {
	var reply redis.Error
	if !errors.As(err, &reply) || !strings.HasPrefix(reply.Error(), "NOPERM") {
		return fmt.Errorf("receiving: %w", err)
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	refused, gaveUp, ok := l.broker.interest.reject()
	if !ok {
		return errUnexpected
	}
	if gaveUp {
		l.broker.log.Warn("Redis does not allow this node to hear a channel", "app", refused.app, "error", err)
		l.broker.leases.unwatch(refused)
		l.sink.Refused(refused.app, refused.channel)
	}
	return nil
}
