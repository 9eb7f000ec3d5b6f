package broker

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// AddHook gives the client that publishes a hook.
func AddHook(b *Broker, hook redis.Hook) {
	if client, err := b.pool.Of(context.Background(), ""); err == nil {
		client.AddHook(hook)
	}
}

// KnowMasks makes the broker know that an app has registered nothing more than was heard.
func KnowMasks(b *Broker, appID string) { b.masking.book.read(appID, 0, 0) }

// Deliver has a message delivered as the loop that receives does.
func Deliver(b *Broker, m *redis.Message, sink Sink) { b.deliver(m, sink) }

// Remembered is how many events are remembered, as what comes may go on from them. Run has returned.
func Remembered(b *Broker) int { return len(b.masking.last.by) }
