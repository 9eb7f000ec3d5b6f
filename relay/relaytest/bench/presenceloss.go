package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	lossNodes = 3
	// quietNodes is how long the nodes are looked at before one is lost.
	quietNodes = 5 * time.Second
)

// loss is what it took to tell of the members that a lost node had.
type loss struct {
	usage
	lost, told  int           // members, and readers who were told of them
	frames      int64         // that they were given
	first, last time.Duration // from the loss to when they were told
	quiet       usage         // of as long a time before
}

// measurePresenceLoss prints how full channels on three nodes lose those members whose
// node is killed. Nothing can be told before its lease has ended.
func (b *bench) measurePresenceLoss(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| %d members in each, on %d nodes; one is killed | server | members lost | readers | frames | first s | last s | CPU s of the others, quiet / meanwhile | Redis CPU s |\n", fullRoom, lossNodes)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, s := range b.relays("") {
		for _, rooms := range []int{1, b.scaled(20)} {
			b.progress(fmt.Sprintf("presence-loss, channels: %d", rooms), s, 0, 1)
			l, err := b.lose(ctx, s, rooms)
			if err != nil {
				return fmt.Errorf("channels: %d: %w", rooms, err)
			}
			fmt.Fprintf(w, "| channels: %d | %s | %d | %d | %d | %.2f | %.2f | %.2f / %.2f | %.2f / %.2f |\n", rooms, s.name,
				l.lost, l.told, l.frames, l.first.Seconds(), l.last.Seconds(),
				l.quiet.cpu.Seconds(), l.cpu.Seconds(), l.quiet.redisCPU.Seconds(), l.redisCPU.Seconds())
		}
	}
	return nil
}

// lose fills channels and kills one of the nodes.
func (b *bench) lose(ctx context.Context, s subject, rooms int) (l loss, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	if err := b.redis.empty(ctx); err != nil {
		return l, err
	}
	n := &nodes{bench: b}
	defer n.close()
	for i := range lossNodes {
		// The clients 0, 3, 6 and so on are those of the first node.
		clients := (fullRoom + lossNodes - 1 - i) / lossNodes * rooms
		if err := n.add(ctx, s, clients); err != nil {
			return l, err
		}
	}
	if err := n.fill(ctx, rooms); err != nil {
		return l, err
	}
	return l, n.loseFirst(ctx, &l)
}

// loseFirst kills the first node and waits until the others have told it of all of its
// clients.
func (n *nodes) loseFirst(ctx context.Context, l *loss) (err error) {
	lost, others := n.crews[0], n.crews[1:]
	if l.quiet, err = n.observeOthers(ctx, func(ctx context.Context) error { return wait(ctx, quietNodes) }); err != nil {
		return err
	}
	l.lost = len(lost.clients)
	begin := time.Now()
	l.usage, err = n.observeOthers(ctx, func(ctx context.Context) error {
		n.servers[0].stop()
		waiting, ctx := errgroup.WithContext(ctx)
		for _, c := range others {
			l.told += len(c.clients)
			each := l.lost * fullRoom / n.members() // of the members of a channel
			waiting.Go(func() error { return c.until(ctx, "members gone", removed, each*len(c.clients)) })
		}
		return waiting.Wait()
	})
	if err != nil {
		return err
	}
	l.quiet = l.quiet.during(l.span)
	for _, c := range others {
		l.frames += c.tally.removed.Load()
		first := time.Unix(0, c.tally.first.Load()).Sub(begin)
		if l.first == 0 || first < l.first {
			l.first = first
		}
		l.last = max(l.last, c.tally.lastAt().Sub(begin))
	}
	return nil
}
