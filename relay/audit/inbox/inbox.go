package inbox

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
)

// Sink is the trail. *trail.Trail is one.
type Sink interface {
	// Keep returns nil once all of the records are where they outlive a crash. After an error
	// any of them may be. Records whose ids it has are no records to it. It waits for a few
	// seconds at the most.
	Keep(ctx context.Context, records []audit.Record) error
}

// Config says where an inbox is. All fields but Idle are required.
type Config struct {
	// Redis is where Redis is.
	Redis *redisconn.Servers
	// Prefix begins the names of all keys.
	Prefix  string
	Sink    Sink
	Metrics *metrics.Metrics
	Log     *slog.Logger

	// Idle is how long an entry that a node took belongs to it (30 s). It is for tests, and
	// must be more than a second.
	Idle time.Duration
}

// Inbox reads the stream, and gives what is there to the sink.
type Inbox struct {
	// Static.
	config Config
	stream *stream

	// Owned by Run.
	hand  *batch // what was taken and is not finished; nil when nothing is
	look  claim
	pace  pace
	state state
}

// keepTime is how long the sink may take.
const keepTime = 5 * time.Second

// New returns an inbox that reads nothing until Run is called.
func New(config Config) *Inbox {
	logging.Disable() // go-redis prints to stderr what it returns as errors, too
	config.Idle = cmp.Or(config.Idle, 30*time.Second)
	return &Inbox{
		config: config, stream: newStream(config.Redis, config.Prefix),
		pace: pace{most: firstCount}, state: state{log: config.Log},
	}
}

// Run reads until ctx ends. It then finishes what it has in hand, which takes some seconds at
// the most, so the sink must live longer. It must be called once.
func (b *Inbox) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := b.turn(ctx)
		if ctx.Err() == nil && (err != nil || !b.pace.failing) {
			b.state.note(err, time.Now())
		}
		if err != nil {
			b.state.rest(ctx)
		}
	}
	if err := b.stream.close(); err != nil {
		b.config.Log.Warn("the connections to Redis for the backend's audit reports could not be closed", "error", err)
	}
}

// turn takes a batch, unless there is one in hand, and finishes it.
func (b *Inbox) turn(ctx context.Context) error {
	if b.hand == nil {
		entries, err := b.take(ctx)
		b.pace.noteTaken(err)
		if err != nil {
			return fmt.Errorf("reading the backend's audit reports: %w", err)
		}
		if len(entries) == 0 {
			return nil
		}
		b.hand = newBatch(b.stream.key, entries, time.Now())
	}
	err := b.finish(context.WithoutCancel(ctx), b.hand)
	b.pace.noteDone(b.hand, err)
	// What is not kept is another's soon, whose sink may be well. What is kept is removed
	// whatever it takes.
	if err == nil || !b.hand.kept && time.Since(b.hand.taken) > b.config.Idle*2/3 {
		b.hand = nil
	}
	return err
}

// take takes entries that a node left lying, or else new ones; none where there are none.
func (b *Inbox) take(ctx context.Context) ([]entry, error) {
	for b.look.due(time.Now()) {
		entries, next, err := b.stream.claim(ctx, b.look.from, b.pace.count(), b.config.Idle)
		if err != nil {
			return nil, err
		}
		b.look.note(next, b.config.Idle, time.Now())
		if len(entries) > 0 {
			return entries, nil
		}
	}
	return b.stream.read(ctx, b.pace.count())
}

// finish gives the batch to the sink, and then removes it from the stream. What was done
// already is not done again.
func (b *Inbox) finish(ctx context.Context, hand *batch) error {
	if !hand.kept {
		keeping, cancel := context.WithTimeout(ctx, keepTime)
		defer cancel()
		if err := b.config.Sink.Keep(keeping, hand.records); err != nil {
			return fmt.Errorf("keeping the backend's audit reports: %w", err)
		}
		hand.kept = true
	}
	if !hand.putAside {
		if err := b.stream.refuse(ctx, hand.refused); err != nil {
			return fmt.Errorf("putting refused audit reports aside: %w", err)
		}
		hand.putAside = true
	}
	if err := b.stream.remove(ctx, hand.ids); err != nil {
		return fmt.Errorf("removing audit reports that are kept: %w", err)
	}
	b.config.Metrics.AuditReports.WithLabelValues("redis", "kept").Add(float64(len(hand.ids) - len(hand.refused)))
	b.config.Metrics.AuditReports.WithLabelValues("redis", "refused").Add(float64(len(hand.refused)))
	return nil
}
