package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/broker"
)

// redisServer is a Redis of the run's own, on loopback; it keeps nothing on disk.
type redisServer struct {
	*process
	address string
	client  *redis.Client
	script  string // what appends to logs, by its SHA-1
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
	s := &redisServer{process: p, address: address, client: redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1})}
	err = p.waitUntil(ctx, func(ctx context.Context) bool { return s.client.Ping(ctx).Err() == nil })
	if err == nil {
		s.script, err = s.client.ScriptLoad(ctx, broker.AppendScript()).Result()
	}
	if err != nil {
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

// message is what one PUBLISH carries or, where it has an event's name, what one call
// appends to a log.
type message struct {
	key     string // the Redis channel, or that of the log
	payload string // for a log the event's data
	event   string
	options string // of the script that appends
}

// publish publishes messages in one round trip.
func (s *redisServer) publish(ctx context.Context, messages []message) error {
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, m := range messages {
			if m.event == "" {
				pipe.Publish(ctx, m.key, m.payload)
			} else {
				pipe.EvalSha(ctx, s.script, []string{m.key}, m.event, m.payload, "", m.options)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}

// empty forgets all logs.
func (s *redisServer) empty(ctx context.Context) error {
	if err := s.client.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("emptying Redis: %w", err)
	}
	return nil
}

// counters is what Redis has done since it started.
type counters struct {
	commands int // those of scripts included
	scripts  int // runs of them
	reads    int // from its clients: about the round trips
}

func (s *redisServer) counters(ctx context.Context) (c counters, err error) {
	info, err := s.client.InfoMap(ctx, "stats", "commandstats").Result()
	if err != nil {
		return c, fmt.Errorf("asking Redis: %w", err)
	}
	for name, to := range map[string]*int{"total_commands_processed": &c.commands, "total_reads_processed": &c.reads} {
		if *to, err = strconv.Atoi(info["Stats"][name]); err != nil {
			return c, fmt.Errorf("asking Redis: %w", err)
		}
	}
	// It says nothing of a command that was never called.
	_, _ = fmt.Sscanf(info["Commandstats"]["cmdstat_evalsha"], "calls=%d,", &c.scripts)
	return c, nil
}

// memory is how much Redis holds, in bytes.
func (s *redisServer) memory(ctx context.Context) (int, error) {
	info, err := s.client.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	n, err := strconv.Atoi(info["Memory"]["used_memory"])
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	return n, nil
}
