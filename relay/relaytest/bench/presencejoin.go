package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

const (
	joiners  = 1000
	joinPace = 400 // a second, where they do not all come at once

	// comingTail is how long it is looked at what comes after all have joined, goingTail
	// after all have left: it is then that a channel is given up.
	comingTail = time.Second / 2
	goingTail  = 7 * time.Second / 2
	// quietBefore is how long it is looked at what the relay does by itself.
	quietBefore = 3 * time.Second
	// joinPatience is how long all of it may take.
	joinPatience = 2 * time.Minute
)

// gathering is clients, each with a connection of its own, that come to channels and go.
type gathering struct {
	subject  subject
	presence bool
	each     int // in a channel, with one who is there before and stays, unless it is 1
	pace     float64
}

// measurePresenceJoin prints what it takes to join presence channels and to leave them,
// beside as much on public channels.
func (b *bench) measurePresenceJoin(ctx context.Context, w io.Writer) error {
	gatherings := b.gatherings()
	results, err := inTurn(b.rounds, gatherings, func(g gathering, round int) (comingAndGoing, error) {
		b.progress("presence-join, "+g.title(), g.subject, round, b.rounds)
		return b.gather(ctx, g)
	})
	if err != nil {
		return err
	}
	fmt.Fprint(w, "\n| each client | server | CPU µs | Redis CPU µs | Redis commands | scripts | Redis reads | frames | seconds |\n")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for i, g := range gatherings {
		clients := results[i][0].clients
		printPassage(w, g, clients, "joins", results[i], func(c comingAndGoing) passage { return c.coming })
		printPassage(w, g, clients, "leaves", results[i], func(c comingAndGoing) passage { return c.going })
	}
	return nil
}

func (b *bench) gatherings() (all []gathering) {
	for _, s := range b.relays("") {
		for _, presence := range []bool{false, true} {
			all = append(all, gathering{s, presence, 100, 0}, gathering{s, presence, 100, joinPace}, gathering{s, presence, 1, joinPace})
		}
	}
	return all
}

func (g gathering) title() string {
	kind, pace := "public", "at once"
	if g.presence {
		kind = "presence"
	}
	if g.pace > 0 {
		pace = fmt.Sprintf("%.0f/s", g.pace)
	}
	return fmt.Sprintf("%s channels, %d in each, %s", kind, g.each, pace)
}

// room returns the channel of client i of as many as there are channels.
func (g gathering) room(i, channels int) string {
	if g.presence {
		return fmt.Sprintf("presence-room-%d", i%channels)
	}
	return fmt.Sprintf("room-%d", i%channels)
}

// enter subscribes, as a member where there are any.
func (g gathering) enter(one *client, channel, user string) error {
	if !g.presence {
		return one.subscribe(channel, "")
	}
	return one.subscribe(channel, `{"user_id":"`+user+`"}`)
}

// gather has the clients come and go, with a fresh server.
func (b *bench) gather(ctx context.Context, g gathering) (c comingAndGoing, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	srv, err := b.fresh(ctx, g.subject)
	if err != nil {
		return c, err
	}
	defer srv.stop()
	channels := max(1, b.scaled(joiners)/g.each)
	c.clients = channels * max(1, g.each-1)
	before := 0
	if g.each > 1 {
		before = channels
	}
	witnesses, err := newCrew(ctx, srv, before)
	if err != nil {
		return c, err
	}
	defer witnesses.close()
	guests, err := newCrew(ctx, srv, c.clients)
	if err != nil {
		return c, err
	}
	defer guests.close()
	p := party{b, srv, g, channels, witnesses, guests}
	return c, p.run(ctx, &c)
}

// fresh starts a server with an empty Redis.
func (b *bench) fresh(ctx context.Context, s subject) (*server, error) {
	if err := b.redis.empty(ctx); err != nil {
		return nil, err
	}
	return s.start(ctx, b.dir, b.redis.url(), nil)
}

func printPassage(w io.Writer, g gathering, clients int, does string, rounds []comingAndGoing, way func(comingAndGoing) passage) {
	each := func(value func(passage) float64) float64 {
		return median(rounds, func(c comingAndGoing) float64 { return value(way(c)) }) / float64(clients)
	}
	fmt.Fprintf(w, "| %s %s | %s | %.0f | %.0f | %.2f | %.2f | %.2f | %.1f | %.1f |\n", does, g.title(), g.subject.name,
		each(func(t passage) float64 { return float64(t.cpu.Microseconds()) }),
		each(func(t passage) float64 { return float64(t.redisCPU.Microseconds()) }),
		each(func(t passage) float64 { return float64(t.commands) }),
		each(func(t passage) float64 { return float64(t.scripts) }),
		each(func(t passage) float64 { return float64(t.reads) }),
		each(func(t passage) float64 { return float64(t.frames) }),
		median(rounds, func(c comingAndGoing) float64 { return way(c).took.Seconds() }))
}
