package roster

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
)

// Sink is what takes in what the roster was asked; the hub is one. Calls about one channel
// come one after the other. Who calls holds no lock.
type Sink interface {
	// Rolled is called with the roll of a channel that was asked for. Where it is not
	// settled, the roster asks again by itself, until it is.
	Rolled(appID, channel string, roll protocol.Roll)
	// Full says that a channel has as many members as it may have, and that the user
	// who entered it is none of them.
	Full(appID, channel, userID string)
}

// Config says where the rolls are kept. All fields up to Log are required but Outbox.
type Config struct {
	// Redis is where Redis is.
	Redis *redisconn.Servers
	// Prefix begins the names of all keys and Redis channels.
	Prefix string
	// Tells says whether the changes of a channel's roll are published.
	Tells func(appID, channel string) bool
	// Outbox says whether webhooks of an app are told events of a name, one of
	// [protocol.Hooks]. What it says may change at any time; of what is swept the last
	// that was said holds. It must not block. Nil says that nothing is told.
	Outbox  func(appID, hook string) bool
	Metrics *metrics.Metrics
	Log     *slog.Logger

	// Lease is for how long a node that says nothing counts as alive (20 s), Refresh how
	// often it says that it is (5 s), and Sweep how often it looks for nodes that are
	// not (3 s). They are for tests; Refresh must be less than a third of Lease.
	Lease, Refresh, Sweep time.Duration
}

const (
	// callTimeout is how long Redis may take to answer.
	callTimeout = 2500 * time.Millisecond
	firstPause  = 50 * time.Millisecond
	lastPause   = 2 * time.Second
	// lastWords is for how long the end of Run may wait for Redis.
	lastWords = 2 * time.Second
	// awayTooLong is after how long without Redis a node is not ready.
	awayTooLong = 10 * time.Second
)

// Roster keeps the rolls of all channels, together with those of the other nodes.
type Roster struct {
	// Static.
	config  Config
	names   names
	script  redisconn.Script
	log     *slog.Logger
	reading *redisconn.Pool // for what the HTTP API asks

	wishes *wishes
	// source names this process to those who count its notes.
	source string
	// parts are what is known of the partitions.
	parts [partitions]*part
}

// New returns a roster that tells Redis nothing until Run is called.
func New(config Config) *Roster {
	logging.Disable() // go-redis prints to stderr what it returns as errors, too
	config.Lease = cmp.Or(config.Lease, 20*time.Second)
	config.Refresh = cmp.Or(config.Refresh, 5*time.Second)
	config.Sweep = cmp.Or(config.Sweep, 3*time.Second)
	r := &Roster{
		config: config, names: names{config.Prefix}, script: newScript(), log: config.Log,
		reading: newPool(config.Redis),
		source:  newIncarnation(),
		wishes:  newWishes(),
	}
	for i := range r.parts {
		r.parts[i] = newPart(i, r.names.partition(i))
	}
	return r
}

// newPool returns clients for what must not be done twice, nor wait for long.
func newPool(servers *redisconn.Servers) *redisconn.Pool {
	return redisconn.NewPool(servers, func(base *redis.Options) *redis.Options {
		o := redisconn.Strict(base, callTimeout)
		o.PoolSize = 4
		return o
	})
}

// Enter makes m a member on behalf of this node, unless the channel has limit members
// already (0: no limit); then [Sink.Full] is called. What was said already Redis is told
// again. It does not block.
func (r *Roster) Enter(appID, channel string, m protocol.Member, limit int) {
	r.wishes.enter(appID, channel, m, limit)
}

// Leave takes back what Enter said. The user stays a member while one on behalf of
// another node. It does not block.
func (r *Roster) Leave(appID, channel, userID string) { r.wishes.leave(appID, channel, userID) }

// Count says how many subscriptions the channel has on this node, again if that was said
// already. It does not block.
func (r *Roster) Count(appID, channel string, n int) { r.wishes.count(appID, channel, n) }

// Ask asks for the roll as it is after all that was said of the channel before;
// [Sink.Rolled] is called with it, unless it is settled and still as known, which may be
// zero. It does not block.
func (r *Roster) Ask(appID, channel string, known protocol.Version) {
	r.wishes.ask(appID, channel, known)
}

// Ready returns nil while Redis is told who is here, else what is wrong. Anybody may read
// that: it does not say why, which may hold addresses and is logged.
func (r *Roster) Ready() error {
	for _, p := range r.parts {
		if since := p.away.Load(); since != nil && time.Since(*since) > awayTooLong {
			return fmt.Errorf("Redis cannot be told who is here since %s", since.Format(time.TimeOnly))
		}
	}
	return nil
}

// Alone says whether no other node is there, as far as Redis told within the last two
// refreshes. What is not known is not alone: so it is not while nodes come back to a Redis
// that has lost something.
func (r *Roster) Alone() bool {
	for _, p := range r.parts {
		if at := p.alone.Load(); at == nil || time.Since(*at) > 2*r.config.Refresh {
			return false
		}
	}
	return true
}

// Run keeps Redis told until ctx ends, and then tells it what is left to tell and gives
// the leases back, for two seconds at the most. It must be called once; what the HTTP API
// asks is not answered after it has returned.
func (r *Roster) Run(ctx context.Context, sink Sink) {
	defer r.reading.Close()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, end) })
	defer stop()

	wait, failed := firstPause, false
	for ctx.Err() == nil {
		who, err := r.config.Redis.Find(ctx)
		if err == nil {
			wait, failed = firstPause, false
			r.follow(ctx, life, who, sink)
			continue
		}
		r.noteAway(r.parts[:], err, failed)
		failed = true
		pause(ctx, wait)
		wait = min(2*wait, lastPause)
	}
}

// noteAway notes that Redis cannot be told of some partitions, and logs it unless it is known.
func (r *Roster) noteAway(parts []*part, err error, known bool) {
	now := time.Now()
	for _, p := range parts {
		p.away.CompareAndSwap(nil, &now)
	}
	if !known {
		r.log.Warn("Redis cannot be told who is here, trying again", "error", err)
	}
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
