package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// onceKept is for how long it is known that an event was published, and what a call with
// an Idempotency-Key said: as long as the script that appends to logs knows an event.
const onceKept = 5 * time.Minute

// queue queues what publishes messages, in their order. Those whose event has an id are
// published by a script, which is loaded right before: a script that is not known would
// be run later, behind what was to follow it.
func (b *Broker) queue(ctx context.Context, pipe redis.Pipeliner, messages []message) {
	loaded := false
	for i := range messages {
		m := &messages[i]
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

// countRepeats counts what had been published before.
func (b *Broker) countRepeats(appID string, messages []message, appends []*appending) {
	n := 0
	for _, m := range messages {
		if m.sent != nil && m.sent.Val() == int64(0) {
			n++
		}
	}
	for _, a := range appends {
		if a.repeat {
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
	args := redis.SetArgs{Mode: "NX", Get: true, TTL: onceKept}
	before, err := b.client.SetArgs(ctx, b.names.call(appID, key), digest, args).Result()
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
