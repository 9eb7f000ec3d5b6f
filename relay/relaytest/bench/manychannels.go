package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	manyChannels    = 100_000
	manyConnections = 100
	// steadySpan is how long it is looked at what the channels cost afterwards: all that
	// is done for them comes at least once in it.
	steadySpan = 20 * time.Second
)

// multitude is channels with one subscription each, over a few connections.
type multitude struct {
	subject  subject
	title    string
	presence bool
	counted  bool // subscribers are told how many they are
}

// measureManyChannels prints what very many channels on one node cost, and what they go
// on costing while nothing happens.
func (b *bench) measureManyChannels(ctx context.Context, w io.Writer) error {
	channels := b.scaled(manyChannels)
	fmt.Fprintf(w, "\n| %d channels, a subscription each, over %d connections | server | seconds | CPU µs each | Redis CPU µs each | Redis commands each | KiB each | Redis bytes each | of these the roster's | then CPU %% | Redis CPU %% | Redis commands/s | scripts/s |\n",
		channels, manyConnections)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range b.relays("") {
		for _, m := range []multitude{
			{s, "public", false, false},
			{s, "public, with subscription counts", false, true},
			{s, "presence", true, false},
		} {
			b.progress("channels-100k, "+m.title, s, 0, 1)
			if m.counted {
				m.subject.settings = append(slices.Clone(s.settings), "RELAY_APP_SUBSCRIPTION_COUNTS=true")
			}
			g, steady, err := b.populate(ctx, m, channels)
			if err != nil {
				return fmt.Errorf("%s: %w", m.title, err)
			}
			printMultitude(w, m, channels, g, steady)
		}
	}
	return nil
}

// populate opens the channels, with a fresh server, and looks at what they cost then.
func (b *bench) populate(ctx context.Context, m multitude, channels int) (g growth, steady usage, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	srv, err := b.fresh(ctx, m.subject)
	if err != nil {
		return g, steady, err
	}
	defer srv.stop()
	c, err := newCrew(ctx, srv, manyConnections)
	if err != nil {
		return g, steady, err
	}
	defer c.close()
	g, err = b.grow(ctx, srv, func(ctx context.Context) error { return m.open(ctx, c, channels) })
	if err != nil {
		return g, steady, err
	}
	steady, err = b.observe(ctx, srv, func(ctx context.Context) error { return wait(ctx, steadySpan) })
	return g, steady, err
}

// open lets each client subscribe to its part of the channels.
func (m multitude) open(ctx context.Context, c *crew, channels int) error {
	err := c.together(ctx, func(i int, one *client) error {
		for n := i; n < channels; n += len(c.clients) {
			channel, data := fmt.Sprintf("channel-%d", n), ""
			if m.presence {
				channel, data = "presence-"+channel, fmt.Sprintf(`{"user_id":"user-%d"}`, n)
			}
			if err := one.subscribe(channel, data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.until(ctx, "subscriptions", subscribed, channels); err != nil || !m.counted {
		return err
	}
	return c.until(ctx, "counts", counts, channels)
}

func printMultitude(w io.Writer, m multitude, channels int, g growth, steady usage) {
	each := func(n float64) float64 { return n / float64(channels) }
	second := func(n float64) float64 { return n / steady.span.Seconds() }
	kept := int64(0)
	for _, n := range g.keys {
		kept += n
	}
	fmt.Fprintf(w, "| %s | %s | %.1f | %.0f | %.0f | %.1f | %.2f | %.0f | %.0f | %.1f | %.1f | %.0f | %.0f |\n", m.title, m.subject.name,
		g.took.Seconds(), each(float64(g.cpu.Microseconds())), each(float64(g.redisCPU.Microseconds())), each(float64(g.commands)),
		each(float64(g.relay)), each(float64(g.redis)), each(float64(kept)),
		100*second(steady.cpu.Seconds()), 100*second(steady.redisCPU.Seconds()), second(float64(steady.commands)), second(float64(steady.scripts)))
}
