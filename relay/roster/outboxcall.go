package roster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// outboxCall is one call of the script for a partition.
type outboxCall struct {
	partition int
	args      []any
	of        []int // which occurrences it is about
	reply     *redis.Cmd
}

// run makes calls, in one round trip to each master. It fails where any of them fails. What
// Redis did not do as the masters are others by now is done again, perhaps with what it did.
func (o *Outbox) run(ctx context.Context, calls []*outboxCall) error {
	key := func(i int) string { return o.names.partition(calls[i].partition) }
	return o.pool.DoParts(ctx, len(calls), key, func(of redisconn.Part) error {
		some := make([]*outboxCall, len(of.Items))
		for i, item := range of.Items {
			some[i] = calls[item]
		}
		err := o.exec(ctx, of.Client, some)
		if !redisconn.IsReply(err, redisconn.NoScript) {
			return err
		}
		if err := o.script.Load(ctx, of.Client); err != nil {
			return err
		}
		return o.exec(ctx, of.Client, some)
	})
}

func (o *Outbox) exec(ctx context.Context, client *redis.Client, calls []*outboxCall) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pipe := client.Pipeline()
	for _, c := range calls {
		c.reply = pipe.EvalSha(ctx, o.script.SHA, []string{o.names.partition(c.partition)}, c.args...)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// callsFor makes calls that name occurrences after args, some hundred each.
func (o *Outbox) callsFor(all []protocol.Occurrence, args ...any) (calls []*outboxCall) {
	var open [partitions]*outboxCall
	for i, occurrence := range all {
		p := occurrence.Partition
		c := open[p]
		if c == nil || len(c.of) == doneCount {
			c = &outboxCall{partition: p, args: slices.Clone(args)}
			open[p] = c
			calls = append(calls, c)
		}
		c.args = append(c.args, occurrence.ID)
		c.of = append(c.of, i)
	}
	return calls
}

// everywhere makes the same call for all partitions.
func (o *Outbox) everywhere(args ...any) []*outboxCall {
	calls := make([]*outboxCall, partitions)
	for p := range calls {
		calls[p] = &outboxCall{partition: p, args: args}
	}
	return calls
}

// page is what a poll of a partition answers.
type page struct {
	whose   string // mine, others, or nobody's until then
	at      time.Time
	lost    int64
	epoch   string
	entries []any
}

const (
	mine   = "mine"
	others = "other"
)

func (o *Outbox) poll(ctx context.Context) (pages [partitions]page, err error) {
	calls := make([]*outboxCall, partitions)
	for p := range calls {
		from := cmp.Or(o.shares[p].next, "-")
		calls[p] = &outboxCall{partition: p, args: []any{"poll", o.sender, ms(o.config.Lease), from, o.shares[p].epoch, pollCount}}
	}
	if err := o.run(ctx, calls); err != nil {
		return pages, err
	}
	for p, c := range calls {
		if pages[p], err = parsePage(c.reply); err != nil {
			return pages, err
		}
	}
	return pages, nil
}

func parsePage(reply *redis.Cmd) (p page, err error) {
	answers, err := reply.Slice()
	if err != nil {
		return p, fmt.Errorf("%w: %w", errUnexpected, err)
	}
	if len(answers) != 5 {
		return p, errUnexpected
	}
	at, err := number(answers[1])
	if err != nil {
		return p, err
	}
	p.at = time.UnixMicro(at)
	p.whose, _ = answers[0].(string)
	p.lost, _ = answers[2].(int64)
	p.epoch, _ = answers[3].(string)
	p.entries, _ = answers[4].([]any)
	return p, nil
}

// clock knows how late it is for Redis and, at about the same moment, here.
type clock struct{ redis, local time.Time }

func (c clock) toLocal(at time.Time) time.Time { return c.local.Add(at.Sub(c.redis)) }
