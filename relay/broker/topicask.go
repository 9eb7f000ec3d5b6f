package broker

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Ask tells all nodes what hears a topic, and calls heard with all that is told on it from then on,
// that itself included, until heard returns false or ctx ends, which is no error. Anybody may
// call it: it has a connection of its own.
func (b *Broker) Ask(ctx context.Context, topic, text string, heard func(text string) (more bool)) error {
	name := b.names.topic(topic)
	client, err := b.pool.Of(ctx, name)
	if err != nil {
		return fmt.Errorf("asking other nodes: %w", err)
	}
	sub := client.Subscribe(ctx, name)
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		return fmt.Errorf("asking other nodes: %w", err)
	}
	if err := b.Tell(ctx, topic, text); err != nil {
		return err
	}
	for {
		answer, err := sub.Receive(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for other nodes: %w", err)
		}
		if m, ok := answer.(*redis.Message); ok && !heard(m.Payload) {
			return nil
		}
	}
}
