package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

const (
	// heartbeatEvery is how often the node publishes to itself.
	heartbeatEvery = 500 * time.Millisecond
	// linkTimeout is the silence after which a link is given up.
	linkTimeout = 2500 * time.Millisecond
)

// link is one pub/sub connection, from its making to its first fault. go-redis
// would repair a connection by itself, but it does not notice one that is open
// and silent, and what was lost meanwhile would not be told; so a link is never
// repaired. A heartbeat travels the same way as events, out by PUBLISH and in by
// the subscription, and its silence ends the link.
type link struct {
	// Static.
	broker *Broker
	sink   Sink
	client *redis.Client
	pubsub *redis.PubSub

	// Owned by run.

	// established says that a heartbeat came back.
	established bool
	beat        time.Time
}

func newLink(b *Broker, sink Sink) *link {
	o := options(b.config.Redis)
	o.PoolSize, o.MinIdleConns = 1, 0
	o.Dialer = dialOnce(o)
	return &link{broker: b, sink: sink, client: redis.NewClient(o)}
}

// dialOnce keeps go-redis from replacing the connection behind our back.
func dialOnce(o *redis.Options) func(ctx context.Context, network, address string) (net.Conn, error) {
	dial := o.Dialer
	if dial == nil {
		dial = redis.NewDialer(o)
	}
	var once sync.Once
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = errors.New("the link has ended")
		once.Do(func() { conn, err = dial(ctx, network, address) })
		return conn, err
	}
}

// run works until the link fails or ctx ends.
func (l *link) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	l.pubsub = l.client.Subscribe(ctx)
	stop := context.AfterFunc(ctx, l.close)
	defer func() {
		if stop() {
			l.close()
		}
	}()
	if err := l.pubsub.Subscribe(ctx, l.broker.names.heartbeat()); err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	l.broker.metrics.RedisLinks.Inc()
	var running sync.WaitGroup
	running.Go(func() { l.publishHeartbeats(ctx) })
	running.Go(func() { fail(l.tellInterest(ctx)) })
	err := l.receive(ctx)
	fail(err)
	running.Wait()
	return context.Cause(ctx)
}

func (l *link) close() {
	_ = l.pubsub.Close()
	_ = l.client.Close()
}

// publishHeartbeats publishes until ctx ends. What fails is not repeated: the
// receiver notices the silence.
func (l *link) publishHeartbeats(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	warn := true
	for {
		err := l.broker.client.Publish(ctx, l.broker.names.heartbeat(), "").Err()
		if err != nil && ctx.Err() == nil && warn {
			l.broker.log.Warn("publishing to Redis fails", "error", err)
			warn = false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// tellInterest makes Redis send what is wanted, until ctx ends or the link fails.
func (l *link) tellInterest(ctx context.Context) error {
	for {
		for c := l.broker.interest.next(); c != nil; c = l.broker.interest.next() {
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

func (l *link) send(ctx context.Context, c *command) error {
	channels := make([]string, len(c.names))
	for i, n := range c.names {
		channels[i] = n.redis
	}
	if c.subscribe {
		return l.pubsub.Subscribe(ctx, channels...) //nolint:wrapcheck // the caller only ends the link
	}
	return l.pubsub.Unsubscribe(ctx, channels...) //nolint:wrapcheck // the caller only ends the link
}

// receive takes in what Redis sends until the link fails.
func (l *link) receive(ctx context.Context) error {
	l.beat = time.Now()
	for {
		left := time.Until(l.beat.Add(linkTimeout))
		if left <= 0 {
			return fmt.Errorf("no heartbeat came back for %s", linkTimeout)
		}
		m, err := l.pubsub.ReceiveTimeout(ctx, left)
		if err == nil {
			err = l.handle(m)
		} else {
			err = l.handleError(err)
		}
		if err != nil {
			return err
		}
	}
}

func (l *link) handle(m any) error {
	switch m := m.(type) {
	case *redis.Subscription:
		return l.confirm(m)
	case *redis.Message:
		if m.Channel == l.broker.names.heartbeat() {
			l.heartbeat()
			return nil
		}
		l.deliver(m)
	}
	return nil
}

func (l *link) heartbeat() {
	l.beat = time.Now()
	l.broker.heard.Store(l.beat.UnixNano())
	if !l.established {
		l.established = true
		l.broker.metrics.RedisUp.Set(1)
		l.broker.log.Info("Redis is heard")
	}
}

func (l *link) confirm(s *redis.Subscription) error {
	if s.Channel == l.broker.names.heartbeat() {
		return nil
	}
	key, heard, ok := l.broker.interest.confirm(s.Channel)
	if !ok {
		return errors.New("an answer from Redis that was not expected")
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
	refused, gaveUp, ok := l.broker.interest.reject()
	if !ok {
		return fmt.Errorf("subscribing: %w", err)
	}
	if gaveUp {
		l.broker.log.Warn("Redis does not allow this node to hear a channel", "app", refused.app, "error", err)
		l.sink.Refused(refused.app, refused.channel)
	}
	return nil
}

// deliver reads a message and hands its events on. What cannot be read is
// counted and dropped: Redis' content is not trusted.
func (l *link) deliver(m *redis.Message) {
	key, ok := l.broker.interest.find(m.Channel)
	if !ok {
		return // unsubscribed meanwhile
	}
	events, dropped := l.broker.parse(key, m)
	if dropped != "" {
		l.broker.metrics.Dropped.WithLabelValues(dropped).Inc()
		l.broker.log.Debug("message from Redis dropped", "reason", dropped, "app", key.app)
	}
	l.broker.metrics.Events.Add(float64(len(events)))
	for _, e := range events {
		l.sink.Deliver(key.app, e)
	}
}

// parse reads a message in the contract that its Redis channel stands for. dropped
// says, in a word for the metric, why something of it could not be delivered.
func (b *Broker) parse(key channelKey, m *redis.Message) (events []protocol.Event, dropped string) {
	payload := []byte(m.Payload)
	if m.Channel == b.names.own(key.app, key.channel) {
		events, err := protocol.ParsePublished(payload, key.channel, protocol.DefaultLimits())
		if err != nil {
			dropped = "invalid"
		}
		return events, dropped
	}
	e, err := protocol.ParseSlanger(payload)
	switch {
	case err != nil:
		return nil, "invalid"
	case e.Channel != key.channel && !b.config.Slanger.AnyChannel:
		return nil, "other_channel"
	}
	return []protocol.Event{e}, ""
}
