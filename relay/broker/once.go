package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// onceKept is for how long it is known that an event was published: as long as the
	// script that appends to logs knows an event.
	onceKept = 5 * time.Minute
	// callKept is for how long, since it came last, it is known what a call with an
	// Idempotency-Key said: longer than any of its events is known, which may be published
	// a while after the call came.
	callKept = onceKept + 30*time.Second
)

// queue queues what publishes messages, in their order. Those whose event has an id are
// published by a script, which is loaded right before: a script that is not known would
// be run later, behind what was to follow it.
func (b *Broker) queue(ctx context.Context, pipe redis.Pipeliner, messages []*message) {
	loaded := false
	for _, m := range messages {
		if m.once != "" {
			if !loaded {
				loaded = true
				pipe.ScriptLoad(ctx, b.scripts.once.Text)
			}
			m.sent = b.publishOnce(ctx, pipe, m)
			continue
		}
		if m.isKept() {
			pipe.Set(ctx, m.key, m.cached, m.ttl)
		}
		pipe.Publish(ctx, m.name, m.payload)
	}
}

func (b *Broker) publishOnce(ctx context.Context, pipe redis.Pipeliner, m *message) *redis.Cmd {
	keys, args := []string{m.once}, []any{onceKept.Milliseconds(), m.name, m.payload}
	if m.isKept() {
		keys, args = append(keys, m.key), append(args, m.cached, m.ttl.Milliseconds())
	}
	return pipe.EvalSha(ctx, b.scripts.once.SHA, keys, args...)
}

// lost returns the error of a message that was not published since Redis did not know the
// script: somebody made it forget all scripts right after it was loaded. Who publishes is
// told, and tries again; what followed the message may have been published.
func lost(messages []*message) error {
	for _, m := range messages {
		if m.sent != nil && m.sent.Err() != nil {
			return m.sent.Err()
		}
	}
	return nil
}

// countRepeats counts what had been published before.
func (b *Broker) countRepeats(appID string, messages []*message, appends []*appending) {
	n := 0
	for _, m := range messages {
		if m.sent != nil && m.sent.Val() == int64(0) {
			n++
		}
	}
	for _, a := range appends {
		if a.repeated() {
			n++
		}
	}
	if n > 0 {
		b.metrics.Repeats.WithLabelValues(appID).Add(float64(n))
	}
}

// Claim ties the Idempotency-Key of a call to a digest of what the call said, for some
// minutes. It says whether the digest is the one that the key is tied to.
func (b *Broker) Claim(ctx context.Context, appID, key, digest string) (bool, error) {
	name := b.names.call(appID, key)
	args := redis.SetArgs{Mode: "NX", Get: true, TTL: callKept}
	var before string
	err := b.pool.Do(ctx, name, func(client *redis.Client) (err error) {
		if before, err = client.SetArgs(ctx, name, digest, args).Result(); err == nil && before == digest {
			err = client.Expire(ctx, name, callKept).Err()
		}
		return err
	})
	switch {
	case errors.Is(err, redis.Nil):
		return true, nil
	case isWrongType(err): // a stranger's
		return false, nil
	case err != nil:
		return false, fmt.Errorf("tying an idempotency key to its call: %w", err)
	}
	return before == digest, nil
}
