package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

const (
	resumes    = 5000
	resumeSpan = 10 * time.Second
	// Half of the clients come back to one old entry, the others to the log's last part.
	resumeOld    = 2000 // entries from the end
	resumeRecent = 1000
)

// measureResume prints what it takes when many clients come back to a log with their
// positions, beside as many that come to a live channel, where nothing is given again.
func (b *bench) measureResume(ctx context.Context, w io.Writer) error {
	subjects := b.relays("", largeRules)
	results, err := inTurn(b.rounds, subjects, func(s subject, round int) (comeback, error) {
		b.progress("log-resume", s, round, b.rounds)
		return b.resume(ctx, s)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n| %d clients come back in %s | server | CPU s | Redis CPU s | entries given | log reads | MiB more | first entry p50 ms | p99 ms | last entry ms |\n", b.scaled(resumes), resumeSpan)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|")
	for i, s := range subjects {
		printResume(w, s, results[i])
	}
	return nil
}

// resume lets clients come back to one channel, at even intervals.
func (b *bench) resume(ctx context.Context, s subject) (c comeback, err error) {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	if err := b.redis.empty(ctx); err != nil {
		return c, err
	}
	var positions []string
	if s.rules != "" {
		m := s.message(channelNames(1)[0], eventName, linesOf(1))
		if positions, err = b.redis.fill(ctx, m, resumeOld+1); err != nil {
			return c, err
		}
	}
	srv, err := s.start(ctx, b.dir, b.redis.url(), nil)
	if err != nil {
		return c, err
	}
	defer srv.stop()
	clients := b.comingBack(srv, positions)
	c.usage, err = b.observe(ctx, srv, func(ctx context.Context) error { return c.run(ctx, b.redis, clients) })
	return c, err
}

// comingBack returns the clients, with positions where there are any.
func (b *bench) comingBack(srv *server, positions []string) []*logReader {
	clients := make([]*logReader, b.scaled(resumes))
	pause := resumeSpan / time.Duration(len(clients))
	begin := time.Now().Add(time.Second)
	var arrived atomic.Int32
	for i := range clients {
		r := &logReader{
			server: srv, channel: channelNames(1)[0],
			due: begin.Add(time.Duration(i) * pause), arrived: &arrived,
		}
		clients[i] = r
		if len(positions) == 0 {
			continue
		}
		at := 0
		if i%2 > 0 {
			at = len(positions) - 2 - i*7919%resumeRecent // a prime: they come in no order
		}
		r.since, r.next = positions[at], uint64(at+2)
	}
	return clients
}

func printResume(w io.Writer, s subject, rounds []comeback) {
	of := func(value func(comeback) float64) float64 { return median(rounds, value) }
	replay := "– | –"
	if s.rules != "" {
		replay = fmt.Sprintf("%.1f | %.1f",
			of(func(c comeback) float64 { return milliseconds(percentile(c.took, 0.5)) }),
			of(func(c comeback) float64 { return milliseconds(percentile(c.took, 0.99)) }))
	}
	fmt.Fprintf(w, "| %s | %s | %.2f | %.2f | %.0f | %.0f | %.0f | %s | %.1f |\n", s.channelKind(), s.name,
		of(func(c comeback) float64 { return c.cpu.Seconds() }),
		of(func(c comeback) float64 { return c.redisCPU.Seconds() }),
		of(func(c comeback) float64 { return float64(c.entries) }),
		of(func(c comeback) float64 { return float64(c.logReads) }),
		of(func(c comeback) float64 { return float64(c.grown) / 1024 }),
		replay,
		of(func(c comeback) float64 { return milliseconds(c.tail) }))
}
