package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

const (
	handshakes       = 4000
	handshakesAtOnce = 16
)

// greeting is a way to connect.
type greeting struct {
	title   string
	tls     bool
	old     bool // TLS 1.2
	resumed bool // the TLS session is
	refused bool // the client is told to come later
}

func greetings() []greeting {
	return []greeting{
		{title: "a WebSocket"},
		{title: "over TLS 1.3", tls: true},
		{title: "over TLS 1.2", tls: true, old: true},
		{title: "over TLS 1.3, resumed", tls: true, resumed: true},
		{title: "over TLS 1.2, resumed", tls: true, old: true, resumed: true},
		{title: "refused (4100)", refused: true},
		{title: "refused over TLS 1.3, resumed", tls: true, resumed: true, refused: true},
	}
}

// measureHandshakes prints what a client costs that connects and leaves, and how many did in a
// second beside the tool itself, which has its half of the work.
func (b *bench) measureHandshakes(ctx context.Context, w io.Writer) error {
	n := b.scaled(handshakes)
	fmt.Fprintf(w, "\n| %d clients connect, %d at a time | server | CPU µs each | a second of a core | a second |\n|---|---|---|---|---|\n", n, handshakesAtOnce)
	for _, s := range b.relays("") {
		results, err := inTurn(b.rounds, greetings(), func(g greeting, round int) (usage, error) {
			b.progress(g.title, s, round, b.rounds)
			return b.greet(ctx, s, g, n)
		})
		if err != nil {
			return err
		}
		for i, g := range greetings() {
			each := median(results[i], func(u usage) float64 { return float64(u.cpu.Microseconds()) / float64(n) })
			rate := median(results[i], func(u usage) float64 { return float64(n) / u.span.Seconds() })
			fmt.Fprintf(w, "| %s | %s | %.0f | %.0f | %.0f |\n", g.title, s.name, each, 1e6/each, rate)
		}
	}
	return nil
}

// greet has n clients connect in one way.
func (b *bench) greet(ctx context.Context, s subject, g greeting, n int) (u usage, err error) {
	if g.refused {
		s.settings = append(s.settings, "RELAY_MAX_CONNECTIONS=1")
	}
	srv, err := s.start(ctx, b.dir, b.redis.url(), b.certsFor(g.tls))
	if err != nil {
		return u, err
	}
	defer srv.stop()
	if g.old {
		srv.tls = srv.tls.Clone()
		srv.tls.MinVersion, srv.tls.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}
	first, err := connect(ctx, srv, &tally{}) // who takes the one place
	if err != nil {
		return u, err
	}
	defer first.conn.Close()
	if g.resumed {
		srv.tls = srv.tls.Clone()
		srv.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		if err := visit(ctx, srv); err != nil {
			return u, err
		}
	}
	return b.observe(ctx, srv, func(ctx context.Context) error {
		visiting, ctx := errgroup.WithContext(ctx)
		visiting.SetLimit(handshakesAtOnce)
		for range n {
			visiting.Go(func() error { return visit(ctx, srv) })
		}
		return visiting.Wait()
	})
}

// visit connects, takes one frame, and leaves.
func visit(ctx context.Context, srv *server) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := srv.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewReader(conn)
	if err := srv.upgrade(conn, in, ""); err != nil {
		return err
	}
	if _, _, err := nextFrame(in); err != nil {
		return fmt.Errorf("waiting for a word: %w", err)
	}
	return nil
}
