package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// crew is clients that share a tally.
type crew struct {
	tally   tally
	clients []*client
	reading sync.WaitGroup
}

// newCrew connects n clients and lets them read until close.
func newCrew(ctx context.Context, srv *server, n int) (*crew, error) {
	const atOnce = 32
	c := &crew{clients: make([]*client, n)}
	dialing, ctx := errgroup.WithContext(ctx)
	dialing.SetLimit(atOnce)
	for i := range c.clients {
		dialing.Go(func() (err error) {
			c.clients[i], err = connect(ctx, srv, &c.tally)
			return err
		})
	}
	err := dialing.Wait()
	for _, one := range c.clients {
		if one != nil {
			c.reading.Go(func() { c.read(one) })
		}
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// read notes that a client was cut off, or told what it must not be.
func (c *crew) read(one *client) {
	if err := one.read(); !errors.Is(err, net.ErrClosed) {
		c.tally.fail(fmt.Errorf("a client: %w", err))
	}
}

// close disconnects the clients and waits for them.
func (c *crew) close() {
	for _, one := range c.clients {
		if one != nil {
			one.conn.Close()
		}
	}
	c.reading.Wait()
}

// all lets each client do something, one after the other, pace of them a second; 0 is
// no pause.
func (c *crew) all(ctx context.Context, pace float64, do func(i int, one *client) error) error {
	begin := time.Now()
	for i, one := range c.clients {
		if pace > 0 {
			if err := wait(ctx, time.Until(begin.Add(time.Duration(float64(i)/pace*float64(time.Second))))); err != nil {
				return err
			}
		}
		if err := do(i, one); err != nil {
			return err
		}
	}
	return nil
}

// subscribe subscribes each client to a channel, and waits until all are told that they are.
func (c *crew) subscribe(ctx context.Context, channel func(i int) string) error {
	err := c.all(ctx, 0, func(i int, one *client) error { return one.subscribe(channel(i), "") })
	if err != nil {
		return err
	}
	return c.until(ctx, "subscriptions", subscribed, len(c.clients))
}

// together is all at the same time, with a goroutine for each client.
func (c *crew) together(ctx context.Context, do func(i int, one *client) error) error {
	doing, _ := errgroup.WithContext(ctx)
	for i, one := range c.clients {
		doing.Go(func() error { return do(i, one) })
	}
	return doing.Wait()
}

// until waits until the number is want.
func (c *crew) until(ctx context.Context, what string, number func(*tally) int64, want int) error {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for number(&c.tally) != int64(want) {
		if failed := c.tally.failed.Load(); failed != nil {
			return *failed
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d %s where %d were expected: %w", number(&c.tally), what, want, ctx.Err())
		}
	}
	return nil
}
