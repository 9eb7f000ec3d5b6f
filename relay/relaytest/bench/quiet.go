package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// quietSpan is how long quiet channels are looked at: all that is done for them comes
// at least once in it.
const quietSpan = 10 * time.Second

// measureQuiet prints what logs cost while nothing is published: the relay compares
// each with what it has, and tells backends that somebody watches.
func (b *bench) measureQuiet(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| quiet channels, a reader each | server | CPU %% of a core | Redis CPU %% | Redis commands/s |\n|---|---|---|---|---|\n")
	for _, channels := range []int{b.scaled(1000), b.scaled(10_000)} {
		for _, s := range b.relays("", logRules) {
			b.progress(fmt.Sprintf("log-quiet, %d channels", channels), s, 0, 1)
			u, err := b.lookAtQuiet(ctx, s, channelNames(channels))
			if err != nil {
				return fmt.Errorf("%d channels: %w", channels, err)
			}
			share := func(cpu time.Duration) float64 { return 100 * cpu.Seconds() / u.span.Seconds() }
			fmt.Fprintf(w, "| %d, %s | %s | %.1f | %.1f | %.0f |\n", channels, s.channelKind(), s.name,
				share(u.cpu), share(u.redisCPU), float64(u.commands)/u.span.Seconds())
		}
	}
	return nil
}

func (b *bench) lookAtQuiet(ctx context.Context, s subject, channels []string) (u usage, err error) {
	if err := b.redis.empty(ctx); err != nil {
		return u, err
	}
	var messages []message
	for _, name := range channels {
		messages = append(messages, s.message(name, eventName, linesOf(1)))
	}
	for some := range slices.Chunk(messages, 500) {
		if err := b.redis.publish(ctx, some); err != nil {
			return u, err
		}
	}
	srv, err := s.start(ctx, b.dir, b.redis.url(), nil)
	if err != nil {
		return u, err
	}
	defer srv.stop()
	f := newFleet(srv, channels, 1, 0)
	defer f.close()
	if err := f.connect(ctx); err != nil {
		return u, err
	}
	if err := wait(ctx, warmUp); err != nil {
		return u, err
	}
	return b.observe(ctx, srv, func(ctx context.Context) error { return wait(ctx, quietSpan) })
}
