package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis of the run's own, on loopback; it keeps nothing on disk.
type redisServer struct {
	*process
	address string
	client  *redis.Client
}

func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	// Readers may all be subscribed and the pages of a chat hub slow: nobody is cut off.
	p, err := startProcess(dir, exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir,
		"--save", "", "--appendonly", "no", "--client-output-buffer-limit", "pubsub 0 0 0"))
	if err != nil {
		return nil, err
	}
	s := &redisServer{p, address, redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1})}
	if err := p.waitUntil(ctx, func(ctx context.Context) bool { return s.client.Ping(ctx).Err() == nil }); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *redisServer) url() string { return "redis://" + s.address }

func (s *redisServer) close() {
	_ = s.client.Close()
	s.stop()
}

// message is what one PUBLISH carries.
type message struct{ channel, payload string }

// publish publishes messages in one round trip.
func (s *redisServer) publish(ctx context.Context, messages []message) error {
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, m := range messages {
			pipe.Publish(ctx, m.channel, m.payload)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}
