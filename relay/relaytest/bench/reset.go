package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	herdSize     = 5000
	herdPatience = 4 * time.Minute
	resetCap     = 300 // handshakes a second
	resetSpan    = 6 * time.Second
	// noPings keeps idle clients from being asked whether they live.
	noPings = "RELAY_PING_AFTER=10m"
)

// reset is what it took until all were back.
type reset struct {
	usage
	took          time.Duration // until the last one was back
	p50, p99      float64       // seconds that one was away
	told, tries   int64
	failed        int64
	bystander     []time.Duration // how long events took to one who was not cut off
	quietByself   float64         // p99 of the same before, in ms
	handshakeCost float64         // µs of the server's CPU time
}

// measureReset prints how long it takes until clients over TLS are back who were all cut off
// at once, and what somebody notices of it who was not.
func (b *bench) measureReset(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| %d clients over TLS cut off at once | server | all back after s | away p50 s | p99 s | handshakes | told 4100 | failed | CPU s | µs each | Redis CPU s | others' events p99 ms, before / meanwhile |\n", b.scaled(herdSize))
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	limits := []int{0, resetCap}
	for _, s := range b.relays("") {
		results, err := inTurn(b.rounds, limits, func(limit, round int) (reset, error) {
			b.progress(fmt.Sprintf("reset, %d handshakes a second", limit), s, round, b.rounds)
			return b.reset(ctx, s, limit)
		})
		if err != nil {
			return err
		}
		for i, limit := range limits {
			printReset(w, s, limit, results[i])
		}
	}
	return nil
}

func (b *bench) reset(ctx context.Context, s subject, limit int) (r reset, err error) {
	ctx, cancel := context.WithTimeout(ctx, herdPatience)
	defer cancel()
	s.settings = append(s.settings, noPings, fmt.Sprintf("RELAY_MAX_HANDSHAKES=%d", limit))
	srv, err := s.start(ctx, b.dir, b.redis.url(), b.certs)
	if err != nil {
		return r, err
	}
	defer srv.stop()
	h, err := newHerd(ctx, srv, b.scaled(herdSize))
	if err != nil {
		return r, err
	}
	defer h.close()
	if err := wait(ctx, returnPause); err != nil { // the limit is free again
		return r, err
	}
	before, err := b.watch(ctx, srv, b.span)
	if err != nil {
		return r, err
	}
	r.quietByself = milliseconds(percentile(before, 0.99))
	var watching errgroup.Group
	watching.Go(func() (err error) {
		r.bystander, err = b.watch(ctx, srv, resetSpan)
		return err
	})
	if err := wait(ctx, 2*warmUp); err != nil { // until the bystander is there
		return r, err
	}
	h.forget()
	r.usage, err = b.observe(ctx, srv, func(ctx context.Context) error {
		begun := h.cut()
		if err := h.await(ctx, func() bool { return h.returns() == len(h.clients) }); err != nil {
			return err
		}
		r.took = h.last().Sub(begun)
		return nil
	})
	if watched := watching.Wait(); err == nil {
		err = watched
	}
	r.p50, r.p99 = h.percentileAway(0.5), h.percentileAway(0.99)
	r.told, r.tries, r.failed = h.told.Load(), h.attempts.Load(), h.failed.Load()
	r.handshakeCost = float64(r.cpu.Microseconds()) / float64(max(1, r.tries))
	return r, err
}

func printReset(w io.Writer, s subject, limit int, rounds []reset) {
	of := func(value func(reset) float64) float64 { return median(rounds, value) }
	title := "no limit"
	if limit > 0 {
		title = fmt.Sprintf("%d handshakes a second", limit)
	}
	fmt.Fprintf(w, "| %s | %s | %.1f | %.1f | %.1f | %.0f | %.0f | %.0f | %.2f | %.0f | %.2f | %.1f / %.1f |\n", title, s.name,
		of(func(r reset) float64 { return r.took.Seconds() }),
		of(func(r reset) float64 { return r.p50 }),
		of(func(r reset) float64 { return r.p99 }),
		of(func(r reset) float64 { return float64(r.tries) }),
		of(func(r reset) float64 { return float64(r.told) }),
		of(func(r reset) float64 { return float64(r.failed) }),
		of(func(r reset) float64 { return r.cpu.Seconds() }),
		of(func(r reset) float64 { return r.handshakeCost }),
		of(func(r reset) float64 { return r.redisCPU.Seconds() }),
		of(func(r reset) float64 { return r.quietByself }),
		of(func(r reset) float64 { return milliseconds(percentile(r.bystander, 0.99)) }))
}
