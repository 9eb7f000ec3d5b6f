package inbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

const (
	// group is the consumer group, and consumer the one consumer in it: who took an entry does
	// not matter, only when, and nodes that are gone leave nothing behind.
	group    = "relay"
	consumer = "nodes"
	// callTimeout is how long Redis may take to answer, and readTime how long it waits for
	// entries before it answers that there are none. Who ends waits for that.
	callTimeout = 3 * time.Second
	readTime    = 500 * time.Millisecond
	// mostRefused is how many refused entries are there to be looked at, some more at times,
	// refusedBytes how much of each, and refusedTime for how long after the last: they may hold
	// what they were refused for.
	mostRefused  = 1000
	refusedBytes = 4096
	refusedTime  = 7 * 24 * time.Hour
)

// stream is the stream that backends write to. All methods wait for Redis, some seconds at
// the most.
type stream struct {
	pool    *redisconn.Pool
	key     string
	refused string // the key of what was refused
}

func newStream(servers *redisconn.Servers, prefix string) *stream {
	pool := redisconn.NewPool(servers, func(base *redis.Options) *redis.Options {
		o := redisconn.Strict(base, callTimeout)
		o.PoolSize = 2
		return o
	})
	return &stream{pool: pool, key: prefix + ":audit", refused: prefix + ":audit:refused"}
}

func (s *stream) close() error { return s.pool.Close() }

// read takes at most n entries that nobody took yet. It waits a moment for the first one.
func (s *stream) read(ctx context.Context, n int) ([]entry, error) {
	reply, err := s.ask(ctx, "XREADGROUP", "GROUP", group, consumer, "COUNT", n,
		"BLOCK", readTime.Milliseconds(), "STREAMS", s.key, ">")
	if err != nil {
		return nil, err
	}
	return parseRead(reply)
}

// claim takes entries that were taken more than idle ago, at most n, of those from the id
// from on. next is from where to go on, noMore after the last one.
func (s *stream) claim(ctx context.Context, from string, n int, idle time.Duration) (entries []entry, next string, err error) {
	reply, err := s.ask(ctx, "XAUTOCLAIM", s.key, group, consumer, idle.Milliseconds(), from, "COUNT", n)
	if reply == nil || err != nil {
		return nil, noMore, err
	}
	return parseClaim(reply)
}

// ask asks Redis for entries of the group, which is made where there is none: the stream is
// new, or was deleted, or Redis lost it. The answer is nil where there are none.
func (s *stream) ask(ctx context.Context, args ...any) (reply any, err error) {
	err = s.pool.Do(ctx, s.key, func(c *redis.Client) error {
		reply, err = c.Do(ctx, args...).Result()
		return err
	})
	switch {
	case errors.Is(err, redis.Nil), redisconn.IsReply(err, "UNBLOCKED"): // the next call says why
		return nil, nil
	case redisconn.IsReply(err, "NOGROUP"):
		return nil, s.create(ctx)
	default:
		return reply, err
	}
}

// create makes the group, which begins with what is in the stream already.
func (s *stream) create(ctx context.Context) error {
	err := s.pool.Do(ctx, s.key, func(c *redis.Client) error {
		return c.XGroupCreateMkStream(ctx, s.key, group, "0").Err()
	})
	if err != nil && !redisconn.IsReply(err, "BUSYGROUP") { // another node was first
		return fmt.Errorf("making the consumer group: %w", err)
	}
	return nil
}

// remove removes entries for good. Where only the first half is done the group knows entries
// that are not, and forgets them when they are claimed; the other way round entries would stay
// that nobody takes.
func (s *stream) remove(ctx context.Context, ids []string) error {
	return s.pool.Do(ctx, s.key, func(c *redis.Client) error {
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.XDel(ctx, s.key, ids...)
			pipe.XAck(ctx, s.key, group, ids...)
			return nil
		})
		return err
	})
}

// refuse puts entries that are no records where somebody can look at them.
func (s *stream) refuse(ctx context.Context, refused []refusal) error {
	if len(refused) == 0 {
		return nil
	}
	return s.pool.Do(ctx, s.refused, func(c *redis.Client) error {
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, r := range refused {
				text := r.text[:min(len(r.text), refusedBytes)]
				pipe.XAdd(ctx, &redis.XAddArgs{Stream: s.refused, MaxLen: mostRefused, Approx: true, Values: []string{
					"reason", r.reason, "entry", r.id, "bytes", strconv.Itoa(len(r.text)), "record", text,
				}})
			}
			pipe.Expire(ctx, s.refused, refusedTime)
			return nil
		})
		return err
	})
}
