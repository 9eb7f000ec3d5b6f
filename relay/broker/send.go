package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// replicaTime is how long replicas may take to have what was appended.
const replicaTime = 500 * time.Millisecond

// outgoing is what is published, the messages before the appends.
type outgoing struct {
	messages []*message
	appends  []*appending
}

func (o outgoing) len() int { return len(o.messages) + len(o.appends) }

// home returns the key whose master gets the i-th.
func (o outgoing) home(i int) string {
	if i < len(o.messages) {
		return o.messages[i].home
	}
	return o.appends[i-len(o.messages)].key
}

// part returns some of it, in the same order.
func (o outgoing) part(items []int) (some outgoing) {
	for _, i := range items {
		if i < len(o.messages) {
			some.messages = append(some.messages, o.messages[i])
		} else {
			some.appends = append(some.appends, o.appends[i-len(o.messages)])
		}
	}
	return some
}

// replicas is how many are to have all of it.
func (o outgoing) replicas() (n int) {
	for _, a := range o.appends {
		n = max(n, a.replicas)
	}
	return n
}

// send sends everything at once, in a Cluster each channel's to the master that has it. What
// Redis says that it did not carry out, nothing of it, is sent again for a while.
func (b *Broker) send(ctx context.Context, all outgoing) error {
	parts, err := b.pool.SplitAtomic(ctx, all.len(), all.home)
	if err != nil {
		return err
	}
	return redisconn.Each(parts, func(p redisconn.Part) error {
		some := all.part(p.Items)
		return b.pool.Do(ctx, some.home(0), func(client *redis.Client) error { return b.sendTo(ctx, client, some) })
	})
}

// sendTo sends to one master, and waits for its replicas where that is asked for: on the
// same connection, as WAIT is about what came by it.
func (b *Broker) sendTo(ctx context.Context, client *redis.Client, some outgoing) error {
	n := some.replicas()
	if n == 0 {
		return b.sendBy(ctx, client, some)
	}
	conn := client.Conn()
	defer conn.Close()
	if err := b.sendBy(ctx, conn, some); err != nil {
		return err
	}
	if err := b.touch(ctx, conn, some.appends); err != nil {
		return err
	}
	have, err := conn.Wait(ctx, n, replicaTime).Result()
	if err != nil {
		return fmt.Errorf("waiting for replicas: %w", err)
	}
	if have < int64(n) {
		return fmt.Errorf("%w: %d of %d", protocol.ErrNotReplicated, have, n)
	}
	return nil
}

// touch writes something on the connection where an event was in its log before: by one that
// wrote nothing WAIT waits for nothing, since Redis 7.2. Its id is known for longer now.
func (b *Broker) touch(ctx context.Context, conn *redis.Conn, appends []*appending) error {
	i := slices.IndexFunc(appends, (*appending).repeated)
	if i < 0 {
		return nil
	}
	known, err := conn.Expire(ctx, appends[i].key+idSuffix+appends[i].id, onceKept).Result()
	switch {
	case err != nil:
		return sentOnce(fmt.Errorf("renewing an event's id: %w", err))
	case !known:
		return fmt.Errorf("%w: it came long ago", protocol.ErrNotReplicated)
	}
	return nil
}

// sendBy sends, and again what Redis did not run because it did not know the script.
func (b *Broker) sendBy(ctx context.Context, by redis.Cmdable, some outgoing) error {
	if err := b.exec(ctx, by, some); err != nil {
		return err
	}
	if err := lost(some.messages); err != nil {
		return err
	}
	var unknown outgoing
	for _, a := range some.appends {
		if redisconn.IsReply(a.reply.Err(), redisconn.NoScript) {
			unknown.appends = append(unknown.appends, a)
		}
	}
	if unknown.appends == nil {
		return nil
	}
	err := b.scripts.append.Load(ctx, by)
	if err == nil {
		err = b.exec(ctx, by, unknown)
	}
	if some.messages != nil {
		return sentOnce(err)
	}
	return err
}

// sentOnce returns an error at which nothing is sent again, as some of it was carried out;
// nil for nil.
func sentOnce(err error) error {
	if redisconn.IsNotDone(err) {
		return errors.New(err.Error())
	}
	return err
}

// exec runs several appends in a transaction: without it somebody else could load the
// script between two of them, and only the second be run. In one, too, an event is kept
// and published: who reads what is kept, in its place among what is heard, misses none and
// has none twice. That Redis does not know the script is no error yet.
func (b *Broker) exec(ctx context.Context, by redis.Cmdable, some outgoing) error {
	pipelined := by.Pipelined
	if len(some.appends) > 1 || slices.ContainsFunc(some.messages, (*message).isKept) {
		pipelined = by.TxPipelined
	}
	commands, err := pipelined(ctx, func(pipe redis.Pipeliner) error {
		b.queue(ctx, pipe, some.messages)
		for _, a := range some.appends {
			a.reply = pipe.EvalSha(ctx, b.scripts.append.SHA, []string{a.key}, a.args...)
		}
		return nil
	})
	for _, c := range commands {
		if err := c.Err(); err != nil && !redisconn.IsReply(err, redisconn.NoScript) {
			return logError(whole(commands, err))
		}
	}
	if redisconn.IsReply(err, redisconn.NoScript) {
		return nil
	}
	return err // that of the connection, which not all commands have
}

// whole returns err, which one of the commands met with; where others of them were carried
// out another one, at which nothing is sent again.
func whole(commands []redis.Cmder, err error) error {
	for _, c := range commands {
		if c.Name() != "script" && !redisconn.IsNotDone(c.Err()) && !redisconn.IsReply(c.Err(), "EXECABORT") {
			return sentOnce(err)
		}
	}
	return err
}
