package main

import (
	"context"
	"fmt"
	"time"
)

// nodes are relays that serve the same channels, each with its clients.
type nodes struct {
	*bench
	servers []*server
	crews   []*crew
}

func (n *nodes) add(ctx context.Context, s subject, clients int) error {
	srv, err := s.start(ctx, n.dir, n.redis.url(), nil)
	if err != nil {
		return err
	}
	n.servers = append(n.servers, srv)
	c, err := newCrew(ctx, srv, clients)
	if err != nil {
		return err
	}
	n.crews = append(n.crews, c)
	return nil
}

func (n *nodes) close() {
	for _, c := range n.crews {
		c.close()
	}
	for _, srv := range n.servers {
		srv.stop()
	}
}

// fill lets all clients enter, one channel each, and waits until they know each other.
func (n *nodes) fill(ctx context.Context, rooms int) error {
	for node, c := range n.crews {
		err := c.all(ctx, 0, func(i int, one *client) error {
			return one.subscribe(fmt.Sprintf("presence-room-%d", i%rooms), fmt.Sprintf(`{"user_id":"user-%d-%d"}`, node, i))
		})
		if err != nil {
			return err
		}
	}
	for _, c := range n.crews {
		if err := c.until(ctx, "members known", members, fullRoom*len(c.clients)); err != nil {
			return err
		}
	}
	return nil
}

// members is how many there are on all nodes.
func (n *nodes) members() (sum int) {
	for _, c := range n.crews {
		sum += len(c.clients)
	}
	return sum
}

// observeOthers is observe for all nodes but the first, together.
func (n *nodes) observeOthers(ctx context.Context, run func(context.Context) error) (u usage, err error) {
	cpu := func() (sum time.Duration, err error) {
		for _, srv := range n.servers[2:] {
			used, err := srv.cpu()
			if err != nil {
				return 0, err
			}
			sum += used
		}
		return sum, nil
	}
	before, err := cpu()
	if err != nil {
		return u, err
	}
	if u, err = n.observe(ctx, n.servers[1], run); err != nil {
		return u, err
	}
	after, err := cpu()
	u.cpu += after - before
	return u, err
}
