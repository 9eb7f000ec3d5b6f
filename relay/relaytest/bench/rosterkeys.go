package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// rosterKeys returns how many bytes Redis holds for the roster, by the kind of its keys.
func (s *redisServer) rosterKeys(ctx context.Context) (map[string]int64, error) {
	const atOnce = 1000
	bytes := make(map[string]int64)
	for cursor := uint64(0); ; {
		keys, next, err := s.client.Scan(ctx, cursor, "buildrelay:{~roster:*", atOnce).Result()
		if err != nil {
			return nil, fmt.Errorf("listing keys: %w", err)
		}
		replies, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, key := range keys {
				pipe.MemoryUsage(ctx, key, 0)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("asking for the size of keys: %w", err)
		}
		for i, reply := range replies {
			_, kind, _ := strings.Cut(keys[i], "}:")
			kind, _, _ = strings.Cut(kind, ":")
			bytes[kind] += reply.(*redis.IntCmd).Val()
		}
		if cursor = next; cursor == 0 {
			return bytes, nil
		}
	}
}
