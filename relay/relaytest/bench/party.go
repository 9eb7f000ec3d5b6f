package main

import (
	"context"
	"fmt"
	"time"
)

// comingAndGoing is what it took, without what the relay does by itself.
type comingAndGoing struct {
	clients       int
	coming, going passage
}

// passage is usage, with the frames that clients were given and the time until all was
// done.
type passage struct {
	usage
	frames int64
	took   time.Duration
}

// party is a gathering that takes place.
type party struct {
	*bench
	srv               *server
	gathering         gathering
	channels          int
	witnesses, guests *crew
}

func (p party) run(ctx context.Context, c *comingAndGoing) error {
	err := p.witnesses.all(ctx, 0, func(i int, one *client) error {
		return p.gathering.enter(one, p.gathering.room(i, p.channels), "witness")
	})
	if err != nil {
		return err
	}
	if err := p.witnesses.until(ctx, "witnesses", subscribed, len(p.witnesses.clients)); err != nil {
		return err
	}
	quiet, err := p.observe(ctx, p.srv, func(ctx context.Context) error { return wait(ctx, quietBefore) })
	if err != nil {
		return err
	}
	if c.coming, err = p.passage(ctx, quiet, comingTail, p.come); err != nil {
		return fmt.Errorf("joining: %w", err)
	}
	if c.going, err = p.passage(ctx, quiet, goingTail, p.leave); err != nil {
		return fmt.Errorf("leaving: %w", err)
	}
	return nil
}

// passage observes how all go one way, and for a while afterwards.
func (p party) passage(ctx context.Context, quiet usage, tail time.Duration, way func(context.Context) error) (t passage, err error) {
	frames := func() int64 { return p.witnesses.tally.frames.Load() + p.guests.tally.frames.Load() }
	before, begin := frames(), time.Now()
	t.usage, err = p.observe(ctx, p.srv, func(ctx context.Context) error {
		if err := way(ctx); err != nil {
			return err
		}
		t.took = time.Since(begin)
		return wait(ctx, tail)
	})
	t.usage = t.beyond(quiet)
	t.frames = frames() - before
	return t, err
}

func (p party) come(ctx context.Context) error {
	err := p.guests.all(ctx, p.gathering.pace, func(i int, one *client) error {
		return p.gathering.enter(one, p.gathering.room(i, p.channels), fmt.Sprintf("user-%d", i))
	})
	if err != nil {
		return err
	}
	if err := p.guests.until(ctx, "guests", subscribed, len(p.guests.clients)); err != nil || !p.gathering.presence {
		return err
	}
	each := p.gathering.each
	if err := p.guests.until(ctx, "members known to guests", members, each*len(p.guests.clients)); err != nil {
		return err
	}
	return p.witnesses.until(ctx, "members known to witnesses", members, each*len(p.witnesses.clients))
}

func (p party) leave(ctx context.Context) error {
	err := p.guests.all(ctx, p.gathering.pace, func(i int, one *client) error {
		if err := one.unsubscribe(p.gathering.room(i, p.channels)); err != nil {
			return err
		}
		return one.ping()
	})
	if err != nil {
		return err
	}
	if err := p.guests.until(ctx, "guests gone", pongs, len(p.guests.clients)); err != nil || !p.gathering.presence {
		return err
	}
	return p.witnesses.until(ctx, "members known to witnesses", members, len(p.witnesses.clients))
}
