package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	replayLines   = 100_000
	replayJoiners = 200
	// joinerBuffer is large, for a joiner is given a lot at once.
	joinerBuffer = 64 << 10
	// logPatience is how long one measurement of logs may take.
	logPatience = 2 * time.Minute
)

// form is how the lines of a log are put into entries.
type form struct {
	title string
	lines int // in an entry
}

func forms() []form {
	return []form{{"100 lines an entry", 100}, {"20 lines an entry", 20}, {"1 line an entry", 1}}
}

// joining is a number of clients that read a log from its first line.
type joining struct {
	subject subject
	clients int
}

// measureReplay prints what it takes to give a log from its first line to one who
// joins, and to a crowd that joins at once.
func (b *bench) measureReplay(ctx context.Context, w io.Writer) error {
	var cases []joining
	for _, s := range b.relays(largeRules) {
		cases = append(cases, joining{s, 1}, joining{s, b.scaled(replayJoiners)})
	}
	lines := b.scaled(replayLines)
	fmt.Fprintf(w, "\n| a log of %d lines × %d B | server | joiners | CPU µs per line | MiB more | log reads | Redis CPU s | seconds |\n", lines, lineSize)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, f := range forms() {
		if err := b.fillLog(ctx, lines/f.lines, f.lines); err != nil {
			return err
		}
		results, err := inTurn(b.rounds, cases, func(j joining, round int) (usage, error) {
			b.progress("log-replay, "+f.title, j.subject, round, b.rounds)
			return b.replay(ctx, j)
		})
		if err != nil {
			return err
		}
		for i, j := range cases {
			printReplay(w, f, j, lines, results[i])
		}
	}
	return nil
}

// fillLog leaves one log in Redis: entries of so many lines, and the last event.
func (b *bench) fillLog(ctx context.Context, entries, lines int) error {
	s := subject{rules: largeRules}
	channel := channelNames(1)[0]
	if err := b.redis.empty(ctx); err != nil {
		return err
	}
	if _, err := b.redis.fill(ctx, s.message(channel, eventName, linesOf(lines)), entries); err != nil {
		return err
	}
	_, err := b.redis.fill(ctx, s.message(channel, lastEvent, ""), 1)
	return err
}

// replay gives the log to clients that all come at once, with a fresh server.
func (b *bench) replay(ctx context.Context, j joining) (u usage, err error) {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	srv, err := j.subject.start(ctx, b.dir, b.redis.url(), nil)
	if err != nil {
		return u, err
	}
	defer srv.stop()
	return b.observe(ctx, srv, func(ctx context.Context) error {
		reading, ctx := errgroup.WithContext(ctx)
		for range j.clients {
			r := &logReader{server: srv, channel: channelNames(1)[0], next: 1}
			reading.Go(func() error { return r.read(ctx, joinerBuffer) })
		}
		return reading.Wait()
	})
}

func printReplay(w io.Writer, f form, j joining, lines int, rounds []usage) {
	given := float64(lines * j.clients)
	fmt.Fprintf(w, "| %s | %s | %d | %.3f | %.0f | %.0f | %.2f | %.1f |\n", f.title, j.subject.name, j.clients,
		median(rounds, func(u usage) float64 { return float64(u.cpu.Microseconds()) / given }),
		median(rounds, func(u usage) float64 { return float64(u.grown) / 1024 }),
		median(rounds, func(u usage) float64 { return float64(u.logReads) }),
		median(rounds, func(u usage) float64 { return u.redisCPU.Seconds() }),
		median(rounds, func(u usage) float64 { return u.span.Seconds() }))
}
