package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	hookClients = 20
	hookEvents  = 500 // of each client
)

// telling is how a backend is told what clients send to each other.
type telling struct {
	subject subject
	title   string
	hooks   string // RELAY_APP_WEBHOOKS, with URL for the receiver's; empty for none
}

// measureHooks prints what it costs to tell a webhook of events, and how many of them a
// second it is told: clients send all at once, each on a channel of its own.
func (b *bench) measureHooks(ctx context.Context, w io.Writer) error {
	var ways []telling
	for _, s := range b.relays("") {
		ways = append(ways,
			telling{s, "client events, nobody is told", ""},
			telling{s, "a webhook is told of each", `[{"url":"URL","events":["client_event"]}]`},
			telling{s, "a webhook is told, in batches of 50 ms", `[{"url":"URL","events":["client_event"],"batch":"50ms"}]`})
	}
	total := hookClients * b.scaled(hookEvents)
	results, err := inTurn(b.rounds, ways, func(t telling, round int) (growth, error) {
		b.progress("webhooks, "+t.title, t.subject, round, b.rounds)
		return b.tellHooks(ctx, t, b.scaled(hookEvents))
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n| %d client events on %d channels | server | events/s | CPU µs each | Redis CPU µs each | Redis commands each |\n|---|---|---|---|---|---|\n",
		total, hookClients)
	for i, t := range ways {
		each := func(value func(growth) float64) float64 { return median(results[i], value) / float64(total) }
		fmt.Fprintf(w, "| %s | %s | %.0f | %.0f | %.0f | %.1f |\n", t.title, t.subject.name,
			1/each(func(g growth) float64 { return g.took.Seconds() }),
			each(func(g growth) float64 { return float64(g.cpu.Microseconds()) }),
			each(func(g growth) float64 { return float64(g.redisCPU.Microseconds()) }),
			each(func(g growth) float64 { return float64(g.commands) }))
	}
	return nil
}

// tellHooks lets the clients of a fresh server send, and returns what that took until the
// backend was told everything.
func (b *bench) tellHooks(ctx context.Context, t telling, each int) (g growth, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	backend, err := startHookReceiver(ctx)
	if err != nil {
		return g, err
	}
	defer backend.close()
	s := t.subject
	s.settings = append(slices.Clone(s.settings), "RELAY_APP_CLIENT_EVENTS=true", "RELAY_APP_MAX_CLIENT_EVENTS=0",
		"RELAY_WEBHOOK_NETWORKS=loopback", "RELAY_APP_WEBHOOKS="+strings.ReplaceAll(t.hooks, "URL", backend.url))
	srv, err := b.fresh(ctx, s)
	if err != nil {
		return g, err
	}
	defer srv.stop()
	c, err := newCrew(ctx, srv, hookClients)
	if err != nil {
		return g, err
	}
	defer c.close()
	channel := func(i int) string { return fmt.Sprintf("private-room-%d", i) }
	if err := c.subscribe(ctx, channel); err != nil {
		return g, err
	}
	return b.grow(ctx, srv, func(ctx context.Context) error {
		err := c.together(ctx, func(i int, one *client) error { return one.whisper(channel(i), each) })
		if err != nil {
			return err
		}
		if err := c.until(ctx, "clients that sent everything", pongs, len(c.clients)); err != nil || t.hooks == "" {
			return err
		}
		return backend.until(ctx, hookClients*each)
	})
}

// whisper sends n events to the other subscribers of the channel, of whom there are none,
// and asks for a pong.
func (c *client) whisper(channel string, n int) error {
	text := clientText(`{"event":"client-line","channel":"` + channel + `","data":"` + strings.Repeat("x", 100) + `"}`)
	for range n {
		if _, err := c.conn.Write(text); err != nil {
			return fmt.Errorf("sending a client event: %w", err)
		}
	}
	return c.ping()
}

// hookReceiver is a backend that counts the events that it is told.
type hookReceiver struct {
	url    string
	events atomic.Int64
	server *http.Server
	done   chan struct{}
}

func startHookReceiver(ctx context.Context) (*hookReceiver, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for webhooks: %w", err)
	}
	r := &hookReceiver{url: "http://" + l.Addr().String() + "/", done: make(chan struct{})}
	r.server = &http.Server{Handler: http.HandlerFunc(r.take), ReadHeaderTimeout: patience}
	go func() { // close waits for it
		_ = r.server.Serve(l)
		close(r.done)
	}()
	return r, nil
}

func (r *hookReceiver) take(w http.ResponseWriter, request *http.Request) {
	var body struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.events.Add(int64(len(body.Events)))
}

func (r *hookReceiver) close() {
	_ = r.server.Close()
	<-r.done
}

// until waits until so many events were told, or more, as one may be told again.
func (r *hookReceiver) until(ctx context.Context, want int) error {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for r.events.Load() < int64(want) {
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("a webhook was told %d events where %d were expected: %w", r.events.Load(), want, ctx.Err())
		}
	}
	return nil
}
