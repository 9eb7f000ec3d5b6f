package main

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"time"
)

// drainWindow is what the node is told, and drainDelay how long it goes on before.
const (
	drainWindow = 30 * time.Second
	drainDelay  = time.Second
	// leaseSpan is how long a node may take to know of another that has started.
	leaseSpan = 6 * time.Second
)

// drained is what became of the clients of a node that was told to stop.
type drained struct {
	usage            // of the other node, and of Redis
	took     float64 // seconds until all were at the other, from when the first was asked to go
	peak     int     // who came there in one second
	p50, p99 float64 // seconds without a connection
	longest  float64
	tries    int64
	failed   int64
}

// measureDrain prints how clients over TLS go from one of two nodes to the other, where the
// balancer has noticed at once that the first is to stop.
func (b *bench) measureDrain(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| %d clients over TLS on a node that stops, %s to close them | server | all elsewhere after s | most in a second | without a connection p50 ms | p99 ms | longest ms | connects | failed | the other's CPU s | Redis CPU s |\n", b.scaled(herdSize), drainWindow)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|")
	subjects := b.relays("")
	results, err := inTurn(b.rounds, subjects, func(s subject, round int) (drained, error) {
		b.progress("drain", s, round, b.rounds)
		return b.drain(ctx, s)
	})
	if err != nil {
		return err
	}
	for i, s := range subjects {
		of := func(value func(drained) float64) float64 { return median(results[i], value) }
		fmt.Fprintf(w, "| one of two nodes | %s | %.1f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f |\n", s.name,
			of(func(d drained) float64 { return d.took }),
			of(func(d drained) float64 { return float64(d.peak) }),
			of(func(d drained) float64 { return 1000 * d.p50 }),
			of(func(d drained) float64 { return 1000 * d.p99 }),
			of(func(d drained) float64 { return 1000 * d.longest }),
			of(func(d drained) float64 { return float64(d.tries) }),
			of(func(d drained) float64 { return float64(d.failed) }),
			of(func(d drained) float64 { return d.cpu.Seconds() }),
			of(func(d drained) float64 { return d.redisCPU.Seconds() }))
	}
	return nil
}

func (b *bench) drain(ctx context.Context, s subject) (d drained, err error) {
	ctx, cancel := context.WithTimeout(ctx, herdPatience)
	defer cancel()
	s.settings = append(s.settings, noPings, "RELAY_DRAIN_DELAY="+drainDelay.String(), "RELAY_DRAIN_WINDOW="+drainWindow.String())
	var servers [2]*server
	for i := range servers {
		if servers[i], err = s.start(ctx, b.dir, b.redis.url(), b.certs); err != nil {
			return d, err
		}
		defer servers[i].stop()
	}
	h, err := newHerd(ctx, servers[0], b.scaled(herdSize))
	if err != nil {
		return d, err
	}
	defer h.close()
	if err := wait(ctx, leaseSpan); err != nil {
		return d, err
	}
	h.forget()
	d.usage, err = b.observe(ctx, servers[1], func(ctx context.Context) error {
		h.target.Store(servers[1])
		if err := servers[0].cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return fmt.Errorf("asking a node to stop: %w", err)
		}
		return h.await(ctx, func() bool { return h.returns() == len(h.clients) })
	})
	if err != nil {
		return d, err
	}
	d.took, d.peak = h.spread().Seconds(), h.peak()
	d.p50, d.p99, d.longest = h.percentileAway(0.5), h.percentileAway(0.99), h.percentileAway(1)
	d.tries, d.failed = h.attempts.Load(), h.failed.Load()
	return d, nil
}
