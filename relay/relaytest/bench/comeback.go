package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// comebackPace is the pause between the events that are published meanwhile.
	comebackPace = time.Second / 2
	// comebackBuffer is small, for there are many clients.
	comebackBuffer = 16 << 10
)

// comeback is how clients came back to a channel.
type comeback struct {
	usage
	entries int             // given to all of them
	took    []time.Duration // from when each was due to its first entry
	tail    time.Duration   // from the last event's publication to when all had it
}

// run has the clients come back when they are due, and publishes until all are there.
func (c *comeback) run(ctx context.Context, redis *redisServer, clients []*logReader) error {
	reading, ctx := errgroup.WithContext(ctx)
	for _, r := range clients {
		reading.Go(func() error { return r.read(ctx, comebackBuffer) })
	}
	var last time.Time
	reading.Go(func() (err error) {
		last, err = publishUntilAll(ctx, redis, clients)
		return err
	})
	if err := reading.Wait(); err != nil {
		return err
	}
	for _, r := range clients {
		c.entries += r.entries
		c.took = append(c.took, r.first.Sub(r.due))
		c.tail = max(c.tail, r.ended.Sub(last))
	}
	return nil
}

// publishUntilAll publishes events and, when all clients have one, the last one. It
// returns when that was.
func publishUntilAll(ctx context.Context, redis *redisServer, clients []*logReader) (last time.Time, err error) {
	one := clients[0]
	for last.IsZero() {
		if err := wait(ctx, comebackPace); err != nil {
			return last, err
		}
		event := eventName
		if int(one.arrived.Load()) == len(clients) {
			event, last = lastEvent, time.Now()
		}
		m := one.server.subject.message(one.channel, event, linesOf(1))
		if err := redis.publish(ctx, []message{m}); err != nil {
			return last, err
		}
	}
	return last, nil
}
