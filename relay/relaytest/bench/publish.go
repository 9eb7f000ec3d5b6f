package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/auth"
	"buildrelay/relay/apiclient"
)

const (
	publishCalls       = 5000
	publishSubscribers = 10
	publishersAtOnce   = 2
)

// publishing is a way to publish by the HTTP API.
type publishing struct {
	subject subject
	title   string
	batch   int  // events of a call
	named   bool // each has an id, so that it may be published again
}

// measurePublishing prints what a signed call costs that publishes to a channel with ten
// subscribers.
func (b *bench) measurePublishing(ctx context.Context, w io.Writer) error {
	var ways []publishing
	for _, s := range b.relays("") {
		ways = append(ways,
			publishing{s, "an event of 100 B", 1, false},
			publishing{s, "an event of 100 B with an id", 1, true},
			publishing{s, "ten events of 100 B in a batch", 10, false})
	}
	calls := b.scaled(publishCalls)
	results, err := inTurn(b.rounds, ways, func(p publishing, round int) (usage, error) {
		b.progress("publish, "+p.title, p.subject, round, b.rounds)
		return b.publishBy(ctx, p, calls)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n| %d calls, %d subscribers | server | CPU µs a call | CPU µs an event | Redis CPU µs a call | Redis commands a call |\n",
		calls, publishSubscribers)
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
	for i, p := range ways {
		each := func(value func(usage) float64) float64 { return median(results[i], value) / float64(calls) }
		cpu := each(func(u usage) float64 { return float64(u.cpu.Microseconds()) })
		fmt.Fprintf(w, "| %s | %s | %.0f | %.0f | %.0f | %.1f |\n", p.title, p.subject.name, cpu, cpu/float64(p.batch),
			each(func(u usage) float64 { return float64(u.redisCPU.Microseconds()) }),
			each(func(u usage) float64 { return float64(u.commands) }))
	}
	return nil
}

// publishBy publishes to a fresh server, and returns what that took until all subscribers
// had everything, less what the server does anyway.
func (b *bench) publishBy(ctx context.Context, p publishing, calls int) (u usage, err error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	srv, err := b.fresh(ctx, p.subject)
	if err != nil {
		return u, err
	}
	defer srv.stop()
	c, err := newCrew(ctx, srv, publishSubscribers)
	if err != nil {
		return u, err
	}
	defer c.close()
	if err := c.subscribe(ctx, func(int) string { return publishTopic }); err != nil {
		return u, err
	}
	quiet, err := b.observe(ctx, srv, func(ctx context.Context) error { return wait(ctx, quietBefore) })
	if err != nil {
		return u, err
	}
	u, err = b.observe(ctx, srv, func(ctx context.Context) error {
		if err := p.publish(ctx, srv, calls); err != nil {
			return err
		}
		return c.until(ctx, "events", events, calls*p.batch*publishSubscribers)
	})
	return u.beyond(quiet), err
}

// publishTopic is the channel that is published to.
const publishTopic = "builds"

func (p publishing) publish(ctx context.Context, srv *server, calls int) error {
	client, err := apiclient.New(apiclient.Config{
		URL: "http://" + srv.address, Key: auth.Key{Key: appKey, Secret: appSecret}, Timeout: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	publishing, ctx := errgroup.WithContext(ctx)
	for publisher := range publishersAtOnce {
		publishing.Go(func() error {
			for n := publisher; n < calls; n += publishersAtOnce {
				if err := p.call(ctx, client, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return publishing.Wait()
}

// call makes the call number n.
func (p publishing) call(ctx context.Context, client *apiclient.Client, n int) error {
	type event struct {
		Name    string `json:"name"`
		Channel string `json:"channel"`
		Data    string `json:"data"`
		ID      string `json:"id,omitempty"`
	}
	one := event{Name: eventName, Channel: publishTopic, Data: strings.Repeat("x", 100)}
	if p.named {
		one.ID = fmt.Sprintf("event-%d", n)
	}
	path, body := "events", any(one)
	if p.batch > 1 {
		all := make([]event, p.batch)
		for i := range all {
			all[i] = one
		}
		path, body = "batch_events", map[string]any{"batch": all}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	answer, err := client.Post(ctx, "/apps/"+appID+"/"+path, text)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("publishing: %s: %s", answer.Status, said)
	}
	return nil
}
