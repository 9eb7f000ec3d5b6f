package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// lineSize is the length of a line in a log, with its end.
const lineSize = 100

// linesOf returns the data of an entry that holds n lines.
func linesOf(n int) string { return strings.Repeat(strings.Repeat("x", lineSize-1)+"\n", n) }

// In a large log nothing is trimmed. These are the options to that effect, and the
// rules, with which clients get the log from its first line.
const (
	largeLog   = `{"maxlen":1000000,"maxbytes":1000000000,"ttl":86400}`
	largeRules = "build-* replay=all events=1000000 bytes=1000MiB"
)

// fill appends the same event to a large log n times and returns the positions.
func (s *redisServer) fill(ctx context.Context, m message, n int) ([]string, error) {
	const atOnce = 500
	var positions []string
	for len(positions) < n {
		replies, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for range min(atOnce, n-len(positions)) {
				pipe.EvalSha(ctx, s.script, []string{m.key}, m.event, m.payload, "", largeLog)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("filling a log: %w", err)
		}
		for _, reply := range replies {
			answer, err := reply.(*redis.Cmd).Slice()
			if err != nil {
				return nil, fmt.Errorf("filling a log: %w", err)
			}
			positions = append(positions, fmt.Sprint(answer[0]))
		}
	}
	return positions, nil
}
