package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"buildrelay/protocol"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
)

// OutboxConfig says where an outbox is. All fields up to Log are required.
type OutboxConfig struct {
	// Redis is where Redis is.
	Redis *redisconn.Servers
	// Prefix begins the names of all keys.
	Prefix  string
	Metrics *metrics.Metrics
	Log     *slog.Logger

	// Lease is for how long a partition belongs to a node that does not poll (10 s). It is
	// for tests, and must be more than 2.5 s.
	Lease time.Duration
}

const (
	// pollCount is how many entries of a partition a poll takes at the most.
	pollCount = 100
	// doneCount is how many entries one call removes or looks at.
	doneCount = 500
)

// Outbox takes what the rosters of all nodes keep for webhooks, of the partitions that
// this node has a lease of; one node at a time has it. Done and Standing may be called by
// several goroutines, Poll and Release by one at a time. All wait for Redis.
type Outbox struct {
	// Static.
	config OutboxConfig
	names  names
	script redisconn.Script
	pool   *redisconn.Pool
	// sender names this outbox in its leases.
	sender string

	// What Poll and Release work with.
	shares [partitions]share
	// renewed is when the last poll that Redis answered began.
	renewed time.Time
	// senseless are entries to be removed, as nobody could tell them.
	senseless []protocol.Occurrence
}

// share is what an outbox knows of a partition.
type share struct {
	held  bool
	epoch string // that of the last poll
	next  string // the least id of those that were not taken; "" before any was
}

func (s *share) drop() { *s = share{} }

// NewOutbox returns an outbox that has no partition until it is polled.
func NewOutbox(config OutboxConfig) *Outbox {
	logging.Disable() // go-redis prints to stderr what it returns as errors, too
	config.Lease = cmp.Or(config.Lease, 10*time.Second)
	return &Outbox{
		config: config, names: names{config.Prefix}, script: newScript(),
		pool: newPool(config.Redis), sender: newIncarnation(),
	}
}

// Close lets go of the connections to Redis. Partitions that were not given back by Release
// are another's after the lease.
func (o *Outbox) Close() error {
	if err := o.pool.Close(); err != nil {
		return fmt.Errorf("closing the outbox: %w", err)
	}
	return nil
}

// Poll claims the partitions that nobody has, renews the leases of its own, and returns what
// came to its own since they were polled last, in order, at most 100 of each. Where there are
// 100 of one there may be more. lost are the partitions that are this node's no longer: what
// was taken from them and is not done is another's, or will be taken again. A partition is
// never lost and taken from by the same poll. Where Redis has lost something, what was taken
// already may come once more.
//
// With an error nothing was taken. When polls have failed for almost as long as a lease,
// all partitions are lost.
func (o *Outbox) Poll(ctx context.Context) (taken []protocol.Occurrence, lost []int, err error) {
	began := time.Now()
	pages, err := o.poll(ctx)
	if err != nil {
		return nil, o.overdue(), fmt.Errorf("polling the outbox: %w", err)
	}
	o.renewed = began
	clock := clock{redis: pages[0].at, local: began.Add(time.Since(began) / 2)}
	for p := range pages {
		o.config.Metrics.HooksLost.Add(float64(pages[p].lost))
		switch share := &o.shares[p]; {
		case share.held && pages[p].whose != mine:
			lost = append(lost, p)
			share.drop()
		case pages[p].whose != others:
			share.held, share.epoch = true, pages[p].epoch
			taken = append(taken, o.take(p, pages[p].entries, clock)...)
		}
	}
	o.removeSenseless(ctx)
	return taken, lost, nil
}

// overdue returns the partitions that may be another's soon, as Redis could not be asked for
// long; it has them no longer.
func (o *Outbox) overdue() (lost []int) {
	if time.Since(o.renewed) < o.config.Lease-callTimeout {
		return nil
	}
	for p := range o.shares {
		if o.shares[p].held {
			lost = append(lost, p)
			o.shares[p].drop()
		}
	}
	return lost
}

// take reads entries that were polled. Those that make no sense, as others may write to
// Redis, are counted and removed.
func (o *Outbox) take(p int, entries []any, clock clock) []protocol.Occurrence {
	taken := make([]protocol.Occurrence, 0, len(entries))
	for _, entry := range entries {
		id, next, fields := parseEntry(entry)
		if id == "" {
			continue // no Redis answers that
		}
		o.shares[p].next = next
		occurrence, ok := parseOccurrence(fields, clock.redis)
		occurrence.Partition, occurrence.ID = p, id
		if !ok {
			o.config.Metrics.HooksLost.Inc()
			o.senseless = append(o.senseless, occurrence)
			continue
		}
		occurrence.Due = clock.toLocal(occurrence.Time)
		taken = append(taken, occurrence)
	}
	return taken
}

// removeSenseless removes what nobody could tell, if not now then with the next poll.
func (o *Outbox) removeSenseless(ctx context.Context) {
	if len(o.senseless) == 0 {
		return
	}
	if err := o.Done(ctx, o.senseless); err != nil {
		o.config.Log.Warn("entries for webhooks that make no sense could not be removed", "error", err)
		return
	}
	o.senseless = nil
}

// Standing returns, of occurrences that are due, those that still stand, in the same order:
// that are still there, and were not taken back. What stands cannot be taken back from then
// on. Count is filled in where the kind has one; a channel without subscriptions has none
// to tell. What does not stand needs no Done. It fails where a partition is this node's no
// longer, which the next poll tells.
func (o *Outbox) Standing(ctx context.Context, due []protocol.Occurrence) ([]protocol.Occurrence, error) {
	calls := o.callsFor(due, "standing", o.sender)
	if err := o.run(ctx, calls); err != nil {
		return nil, fmt.Errorf("asking what stands: %w", err)
	}
	counts := make([]int64, len(due))
	for _, c := range calls {
		answers, _ := c.reply.Val().([]any)
		if len(answers) != len(c.of) {
			return nil, fmt.Errorf("asking what stands: %w", errNotHeld)
		}
		for i, at := range c.of {
			counts[at], _ = answers[i].(int64)
		}
	}
	var standing []protocol.Occurrence
	for i, occurrence := range due {
		if counts[i] >= 0 {
			occurrence.Count = int(counts[i])
			standing = append(standing, occurrence)
		}
	}
	return standing, nil
}

var errNotHeld = errors.New("a partition of the outbox is another node's")

// Done forgets occurrences, told or given up, whoever has their partitions.
func (o *Outbox) Done(ctx context.Context, done []protocol.Occurrence) error {
	if err := o.run(ctx, o.callsFor(done, "done")); err != nil {
		return fmt.Errorf("removing what was told: %w", err)
	}
	return nil
}

// Release gives all partitions back. What was taken and is not done is another's.
func (o *Outbox) Release(ctx context.Context) error {
	clear(o.shares[:])
	if err := o.run(ctx, o.everywhere("yield", o.sender)); err != nil {
		return fmt.Errorf("giving the outbox back: %w", err)
	}
	return nil
}
