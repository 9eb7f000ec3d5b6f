package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

const (
	signIns = 5000
	watched = 10 // users on a watchlist
)

// introduction is what clients, each with a connection of its own, say of themselves.
type introduction struct {
	subject subject
	title   string
	signin  bool // else they subscribe to a private channel of their own
	watch   int  // users on each one's watchlist
	away    bool // these never come, and nobody else watches them
}

// measureSignins prints what it takes to sign in, beside a subscription to a private
// channel of one's own.
func (b *bench) measureSignins(ctx context.Context, w io.Writer) error {
	var introductions []introduction
	for _, s := range b.relays("") {
		watching := s
		watching.settings = append(slices.Clone(s.settings), "RELAY_APP_WATCHLISTS=true")
		introductions = append(introductions,
			introduction{s, "subscribe to a private channel each", false, 0, false},
			introduction{s, "sign in", true, 0, false},
			introduction{watching, fmt.Sprintf("sign in, with %d of the others on a watchlist", watched), true, watched, false},
			introduction{watching, fmt.Sprintf("sign in, with %d users on a watchlist who never come", watched), true, watched, true})
	}
	clients := b.scaled(signIns)
	results, err := inTurn(b.rounds, introductions, func(i introduction, round int) (growth, error) {
		b.progress("sign-ins, "+i.title, i.subject, round, b.rounds)
		return b.introduce(ctx, i, clients)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n| %d clients | server | seconds | CPU µs each | Redis CPU µs each | Redis commands each | KiB each | Redis bytes each |\n", clients)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for n, i := range introductions {
		printIntroduction(w, i, clients, results[n])
	}
	return nil
}

// introduce connects the clients to a fresh server and lets all of them introduce
// themselves at once.
func (b *bench) introduce(ctx context.Context, i introduction, clients int) (g growth, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	srv, err := b.fresh(ctx, i.subject)
	if err != nil {
		return g, err
	}
	defer srv.stop()
	c, err := newCrew(ctx, srv, clients)
	if err != nil {
		return g, err
	}
	defer c.close()
	return b.grow(ctx, srv, func(ctx context.Context) error { return i.begin(ctx, c) })
}

func (i introduction) begin(ctx context.Context, c *crew) error {
	err := c.all(ctx, 0, func(n int, one *client) error {
		if !i.signin {
			return one.subscribe(fmt.Sprintf("private-user-%d", n), "")
		}
		return one.signIn(i.user(n, len(c.clients)))
	})
	if err != nil {
		return err
	}
	if !i.signin {
		return c.until(ctx, "subscriptions", subscribed, len(c.clients))
	}
	if err := c.until(ctx, "sign-ins", signedIn, len(c.clients)); err != nil {
		return err
	}
	told := online
	if i.away {
		told = offline
	}
	return c.until(ctx, "users told of", told, i.watch*len(c.clients))
}

// user is the user data of client n, who watches those after it, or some who are away.
func (i introduction) user(n, clients int) string {
	user := struct {
		ID        string   `json:"id"`
		Watchlist []string `json:"watchlist,omitempty"`
	}{ID: fmt.Sprintf("user-%d", n)}
	for next := range i.watch {
		id := fmt.Sprintf("user-%d", (n+1+next)%clients)
		if i.away {
			id = fmt.Sprintf("friend-%d-of-%d", next, n)
		}
		user.Watchlist = append(user.Watchlist, id)
	}
	text, _ := json.Marshal(user) // there is nothing in it that could fail
	return string(text)
}

func printIntroduction(w io.Writer, i introduction, clients int, rounds []growth) {
	each := func(value func(growth) float64) float64 { return median(rounds, value) / float64(clients) }
	fmt.Fprintf(w, "| %s | %s | %.1f | %.0f | %.0f | %.1f | %.1f | %.0f |\n", i.title, i.subject.name,
		median(rounds, func(g growth) float64 { return g.took.Seconds() }),
		each(func(g growth) float64 { return float64(g.cpu.Microseconds()) }),
		each(func(g growth) float64 { return float64(g.redisCPU.Microseconds()) }),
		each(func(g growth) float64 { return float64(g.commands) }),
		each(func(g growth) float64 { return float64(g.relay) }),
		each(func(g growth) float64 { return float64(g.redis) }))
}
