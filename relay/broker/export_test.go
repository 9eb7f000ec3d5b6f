package broker

import "github.com/redis/go-redis/v9"

// AddHook gives the client that publishes a hook.
func AddHook(b *Broker, hook redis.Hook) { b.client.AddHook(hook) }
