package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	viewers = 1000
	// viewPatience is how long one audience may take.
	viewPatience = 2 * time.Minute
)

// The transports that are compared, as pusher-js names them.
const (
	webSocket    = "ws"
	xhrStreaming = "xhr_streaming"
	xhrPolling   = "xhr_polling"
)

// showing is a way to serve an audience.
type showing struct {
	subject   subject
	transport string
	tls       bool
}

func (s showing) title() string {
	if s.tls {
		return s.transport + " over TLS"
	}
	return s.transport
}

// pace is how lines are published: some at once, again and again.
type pace struct {
	title         string
	lines, atOnce int
	pause         time.Duration
}

// paces are a channel on which little happens, and one with a build's log, given as
// `buildrelay pipe` does while somebody watches. There a streaming viewer takes more than
// one response.
func paces() []pace {
	return []pace{
		{"10 lines a second", 30, 1, time.Second / 10},
		{"300 lines a second, 15 at once", 1800, 15, time.Second / 20},
	}
}

// firstLines come before it is looked at what lines cost.
func firstLines() pace { return pace{"the first", 5, 1, time.Second / 10} }

// shown is what an audience took.
type shown struct {
	viewers int
	coming  growth // from none to all
	heap    int    // bytes that the relay's heap and stacks have grown by meanwhile
	seen    []seen // of each pace
}

// seen is what it took to show lines.
type seen struct {
	usage
	deliveries, responses int64
	p50, p99              time.Duration // from publishing to reading
}

// measureFallback prints what readers of one channel cost by each of the transports.
func (b *bench) measureFallback(ctx context.Context, w io.Writer) error {
	var showings []showing
	for _, s := range b.relays("") {
		for _, tls := range []bool{false, true} {
			for _, transport := range []string{webSocket, xhrStreaming, xhrPolling} {
				showings = append(showings, showing{s, transport, tls})
			}
		}
	}
	results, err := inTurn(b.rounds, showings, func(s showing, round int) (shown, error) {
		b.progress("fallback, "+s.title(), s.subject, round, b.rounds)
		result, err := b.show(ctx, s, b.scaled(viewers))
		if err != nil {
			err = fmt.Errorf("%s: %w", s.title(), err)
		}
		return result, err
	})
	if err != nil {
		return err
	}
	printSessions(w, showings, results)
	for i, p := range paces() {
		printPace(w, p, i, showings, results)
	}
	return nil
}

// show gathers an audience on a fresh server, and shows it lines at each pace.
func (b *bench) show(ctx context.Context, s showing, viewers int) (r shown, err error) {
	ctx, cancel := context.WithTimeout(ctx, viewPatience)
	defer cancel()
	srv, err := s.subject.start(ctx, b.dir, b.redis.url(), b.certsFor(s.tls))
	if err != nil {
		return r, err
	}
	defer srv.stop()
	a := newAudience(srv, s.transport, viewers, slices.Concat([]pace{firstLines()}, paces()))
	defer a.close()
	if r, err = b.gatherAudience(ctx, a); err != nil {
		return r, fmt.Errorf("gathering: %w", err)
	}
	if err := a.show(ctx, b.redis, firstLines()); err != nil {
		return r, err
	}
	for _, p := range paces() {
		lines, err := b.watchAudience(ctx, a, p)
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.title, err)
		}
		r.seen = append(r.seen, lines)
	}
	return r, a.rest(ctx)
}

func (b *bench) gatherAudience(ctx context.Context, a *audience) (r shown, err error) {
	before, err := a.server.heap(ctx)
	if err != nil {
		return r, err
	}
	r.viewers = len(a.viewers)
	if r.coming, err = b.grow(ctx, a.server, a.gather); err != nil {
		return r, err
	}
	after, err := a.server.heap(ctx)
	r.heap = after - before
	return r, err
}

func (b *bench) watchAudience(ctx context.Context, a *audience, p pace) (s seen, err error) {
	first, had, responses := a.published, a.received.Load(), a.responses.Load()
	s.usage, err = b.observe(ctx, a.server, func(ctx context.Context) error { return a.show(ctx, b.redis, p) })
	if err != nil {
		return s, err
	}
	s.deliveries, s.responses = a.received.Load()-had, a.responses.Load()-responses
	took := a.took(first, a.published)
	s.p50, s.p99 = percentile(took, 0.5), percentile(took, 0.99)
	return s, nil
}

func printSessions(w io.Writer, showings []showing, results [][]shown) {
	fmt.Fprintf(w, "\n| %d readers, idle | server | KiB each | of heap and stacks | CPU µs to come |\n|---|---|---|---|---|\n", results[0][0].viewers)
	for i, s := range showings {
		each := func(value func(shown) float64) float64 {
			return median(results[i], value) / float64(results[i][0].viewers)
		}
		fmt.Fprintf(w, "| %s | %s | %.1f | %.1f | %.0f |\n", s.title(), s.subject.name,
			each(func(r shown) float64 { return float64(r.coming.relay) }),
			each(func(r shown) float64 { return float64(r.heap) / 1024 }),
			each(func(r shown) float64 { return float64(r.coming.cpu.Microseconds()) }))
	}
}

func printPace(w io.Writer, p pace, i int, showings []showing, results [][]shown) {
	fmt.Fprintf(w, "\n| %d readers, %s | server | CPU µs per delivery | responses per delivery | p50 ms | p99 ms |\n|---|---|---|---|---|---|\n",
		results[0][0].viewers, p.title)
	for j, s := range showings {
		of := func(value func(seen) float64) float64 {
			return median(results[j], func(r shown) float64 { return value(r.seen[i]) })
		}
		fmt.Fprintf(w, "| %s | %s | %.2f | %.4f | %.1f | %.1f |\n", s.title(), s.subject.name,
			of(func(s seen) float64 { return float64(s.cpu.Nanoseconds()) / 1000 / float64(s.deliveries) }),
			of(func(s seen) float64 { return float64(s.responses) / float64(s.deliveries) }),
			of(func(s seen) float64 { return milliseconds(s.p50) }),
			of(func(s seen) float64 { return milliseconds(s.p99) }))
	}
}
