package main

import (
	"context"
	"strings"
	"time"
)

// dataSize is the length of an event's data, in bytes.
const dataSize = 100

// flatOut publishes on every topic as soon as its readers make room.
func flatOut(ctx context.Context, f *fleet, redis *redisServer) error {
	t := f.topics[0]
	data := strings.Repeat("x", dataSize)
	for {
		select {
		case t.inFlight <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		n := 1
		for more := true; more; {
			select {
			case t.inFlight <- struct{}{}:
				n++
			default:
				more = false
			}
		}
		if err := f.publish(ctx, redis, t, data, n); err != nil {
			return err
		}
	}
}

// bursts publishes n messages at once on one topic after the other, each time
// after the pause.
func bursts(n int, pause time.Duration) load {
	return func(ctx context.Context, f *fleet, redis *redisServer) error {
		data := strings.Repeat("x", dataSize)
		due := time.Now()
		for i := 0; ; i++ {
			if err := wait(ctx, time.Until(due)); err != nil {
				return err
			}
			due = due.Add(pause)
			if err := f.publish(ctx, redis, f.topics[i%len(f.topics)], data, n); err != nil {
				return err
			}
		}
	}
}

// publish publishes n messages on t in one round trip.
func (f *fleet) publish(ctx context.Context, redis *redisServer, t *topic, data string, n int) error {
	messages := make([]message, n)
	for i := range messages {
		messages[i] = f.server.subject.message(t.name, eventName, data)
		t.publishing()
	}
	return redis.publish(ctx, messages)
}
