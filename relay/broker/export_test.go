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
