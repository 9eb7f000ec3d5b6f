package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
)

// Sink is what takes in what the broker hears; the hub is one. All calls come
// from one goroutine.
type Sink interface {
	// Deliver is called with every event of a watched channel, with every change of its
	// roll, and, once [Broker.AskCache] was, with its last event.
	Deliver(appID string, e protocol.Event)
	// Confirmed says that from now on no event of the channel is missed.
	Confirmed(appID, channel string)
	// Refused says that Redis does not let the node hear the channel.
	Refused(appID, channel string)
	// Interrupted says that nothing is heard until channels are confirmed again.
	Interrupted()
}

// Config says where Redis is. Redis, Prefix, Metrics and Log are required.
type Config struct {
	// Redis is where it is, as [redisconn.ParseURL] reads it. The broker sets for itself what
	// its promises depend on: no retries, short time-outs, a dialer.
	Redis *redisconn.Servers
	// Prefix begins the names of all Redis channels, "buildrelay" by default.
	Prefix string
	// Slanger makes one app's channels carry Slanger's contract as well.
	Slanger Slanger
	// LogRule returns the rule that makes a channel a log channel, nil for a live one.
	// It may be nil where there are no log channels.
	LogRule func(appID, channel string) *protocol.LogRule
	// TellsRoll says whether the changes of a channel's roll are delivered, too; for one
	// channel it always says the same. nil: of none.
	TellsRoll func(appID, channel string) bool
	// CacheTTL returns for how long the last event of each cache channel of an app is kept;
	// 0, as nil, means [protocol.DefaultCacheTTL].
	CacheTTL func(appID string) time.Duration
	// Seal says whether the events of an app's logs are sealed; nil: of no app.
	Seal func(appID string) auth.Seal
	// Keys seal and open them; nil where there are none.
	Keys Keys
	// Topics are what this node hears beside channels.
	Topics []Topic
	// Masks mask what is published and shown; nil masks nothing.
	Masks Masks
	// Apps returns the ids of the apps in force. It is needed with Masks alone.
	Apps    func() []string
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Slanger is the setting for Slanger's contract: the Redis channel has the
// channel's own name, and the message names the channel again.
type Slanger struct {
	// AppID is the app that Slanger served; empty means that the contract is off.
	AppID string
	// AnyChannel accepts a message that names another channel than the one it came
	// on. Otherwise it is dropped.
	AnyChannel bool
}

// Broker publishes and hears events.
type Broker struct {
	// Static.
	config  Config
	names   names
	scripts scripts
	metrics *metrics.Metrics
	log     *slog.Logger
	sealing sealing
	masking masking
	pool    *redisconn.Pool // for publishing and reading; never repeats what may have been done

	interest *interest
	leases   *leases
	// unkept are the log channels that were warned of. Owned by Run.
	unkept map[channelKey]bool
	// unreadable says that where logs end could not be read the last time.
	unreadable atomic.Bool
	// uncached says the same of the last events of cache channels.
	uncached atomic.Bool
	// asks are those that are asked for.
	asks *cacheAsks
	// heard is when the last heartbeat came back; nil while there is no link.
	heard atomic.Pointer[time.Time]
}

// New returns a broker that hears nothing until Run is called.
func New(config Config) *Broker {
	logging.Disable() // go-redis prints to stderr what it returns as errors, too
	n := newNames(config.Prefix, rand.Text(), config.Slanger.AppID, config.TellsRoll)
	s := newScripts()
	pool := redisconn.NewPool(config.Redis, options)
	b := &Broker{
		config:   config,
		names:    n,
		scripts:  s,
		metrics:  config.Metrics,
		log:      config.Log,
		sealing:  newSealing(config),
		masking:  masking{by: config.Masks, book: newMaskBook()},
		pool:     pool,
		interest: newInterest(n),
		leases:   newLeases(pool, s.watch, n, config.Log),
		asks:     newCacheAsks(),
		unkept:   make(map[channelKey]bool),
	}
	b.config.Topics = append(slices.Clone(config.Topics), b.masksTopics()...)
	return b
}

// options are the settings that publishing needs.
func options(base *redis.Options) *redis.Options {
	o := redisconn.Strict(base, commandTimeout)
	// The newest connection of the pool is kept in use by the heartbeat. The others are
	// let go before a dead link could be replaced: they may be as dead, and each
	// would silence the new link's heartbeat.
	o.PoolFIFO, o.ConnMaxIdleTime = false, linkTimeout-heartbeatEvery
	return o
}

// Watch implements relay.Interest.
func (b *Broker) Watch(appID, channel string) {
	b.interest.watch(appID, channel)
	if b.rule(appID, channel) != nil {
		b.leases.watch(channelKey{appID, channel})
	}
}

// Unwatch implements relay.Interest.
func (b *Broker) Unwatch(appID, channel string) {
	b.interest.unwatch(appID, channel)
	b.leases.unwatch(channelKey{appID, channel})
}

// Ready returns nil while the node hears Redis, else what is wrong.
func (b *Broker) Ready() error {
	heard := b.heard.Load()
	if heard == nil {
		return errors.New("not connected to Redis")
	}
	patience := linkTimeout
	if b.config.Redis.IsCluster() {
		patience = masterPatience // the others go on
	}
	if silence := time.Since(*heard); silence > patience {
		return fmt.Errorf("Redis has not been heard for %s", silence.Round(time.Second))
	}
	return nil
}

// Run keeps a link to Redis and calls sink until ctx ends, and flush whenever
// everything that came from Redis was delivered and more has to be waited for. A
// link that fails is replaced after a pause, which grows while none succeeds. Run
// must be called once, and Publish not after it has returned.
func (b *Broker) Run(ctx context.Context, sink Sink, flush func()) {
	defer b.pool.Close()
	var beside sync.WaitGroup
	beside.Go(func() { b.leases.run(ctx) })
	beside.Go(func() { b.attendMasks(ctx) })
	defer beside.Wait()
	wait := firstPause
	for ctx.Err() == nil {
		established, err := b.runLink(ctx, sink, flush)
		if ctx.Err() != nil {
			return
		}
		if established {
			wait = firstPause
		}
		b.log.Warn("Redis is not heard, connecting again", "error", b.config.Redis.Explain(err))
		pause(ctx, wait)
		wait = min(2*wait, lastPause)
	}
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// runLink runs one link to its end. It says whether it was ever alive.
func (b *Broker) runLink(ctx context.Context, sink Sink, flush func()) (established bool, err error) {
	b.masking.last.clear() // what comes next does not follow
	reads := newCacheReads(sink, b.cacheTTL)
	l := &link{broker: b, sink: reads, reads: reads, flush: flush}
	err = l.run(ctx)
	b.heard.Store(nil)
	b.metrics.RedisUp.Set(0)
	if l.established {
		b.interest.forget()
		sink.Interrupted()
	}
	l.publishing.Wait()
	b.asks.clear()
	return l.established, err
}
