package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"buildrelay/relay/broker"
	"buildrelay/relay/roster"
)

const (
	// firstCheck is how long the first look at Redis may take: a node whose Redis is away
	// starts, and waits for it.
	firstCheck = 5 * time.Second
	// checkAgain is the pause before the next look at a Redis that is away, and checkUnfit
	// at one that is not what a node needs.
	checkAgain = 200 * time.Millisecond
	checkUnfit = 30 * time.Second
)

var errUnchecked = errors.New("not connected to Redis")

// redisReady is nil while the node hears a Redis that is what it needs.
func (n *node) redisReady() error {
	if err := n.broker.Ready(); err != nil {
		return err
	}
	if why := n.unfit.Load(); why != nil {
		return *why
	}
	return nil
}

// checkRedis looks at Redis, and warns. The error says that it is not what a node needs. A
// Redis that is away is looked at later, and the node is not ready before.
func (n *node) checkRedis(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstCheck)
	defer cancel()
	unfit, err := n.examine(ctx)
	if err != nil {
		n.log.Warn("Redis cannot be reached, waiting for it", "error", n.redis.Explain(err))
		n.unfit.Store(&errUnchecked)
	}
	return unfit
}

// checkLater looks at Redis once it is there, and again for as long as it is not what a
// node needs, which is logged once.
func (n *node) checkLater(ctx context.Context) {
	logged := ""
	for {
		unfit, err := n.examine(ctx)
		pause := checkAgain
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // it is away, as the broker has said
		case unfit == nil:
			n.unfit.Store(nil)
			return
		default:
			n.unfit.Store(&unfit)
			pause = checkUnfit
			if text := unfit.Error(); text != logged {
				n.log.Error("the node is not ready", "error", text)
				logged = text
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// examine finds out whether Redis is what a node needs, and warns. err says that it is away.
func (n *node) examine(ctx context.Context) (unfit, err error) {
	found, err := n.broker.CheckStart(ctx, n.needs)
	if err != nil {
		return nil, err
	}
	if why := reasons(found); why != nil {
		return fmt.Errorf("Redis is not what a node needs: %w", why), nil
	}
	for _, f := range append(found, checkRoster(ctx, n.roster)) {
		if f.Start == broker.Warns {
			n.log.Warn("Redis may lose something, or refuse it", "finding", f.Text)
		}
	}
	return nil, nil
}

// reasons are those for which a node does not start; nil means that it does.
func reasons(found []broker.Finding) error {
	var why []error
	for _, f := range found {
		if f.Start == broker.Stops {
			why = append(why, errors.New(f.Text))
		}
	}
	return errors.Join(why...)
}

// checkRoster finds out whether the user may do what rosters need.
func checkRoster(ctx context.Context, r *roster.Roster) broker.Finding {
	if err := r.Check(ctx); err != nil {
		return broker.Finding{
			Grade: broker.Bad, Start: broker.Warns,
			Text: "the user may not keep members, users and counts, for which docs/OPERATIONS.md lists the rights: " + err.Error(),
		}
	}
	return broker.Finding{Grade: broker.Good, Text: "the user may keep members, users and counts"}
}
