package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// clientOf is a client that tries once and does not wait long.
func clientOf(t *testing.T, address string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1, ReadTimeout: 2 * time.Second})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAPubSubLinkSwallowsSubscriptionsAlone(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	link := faults.StartPubSubLink(t, server.Address())
	client := clientOf(t, link.Address())
	old := client.Subscribe(t.Context(), "news")
	defer old.Close()
	if _, err := old.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	link.Swallow()
	fresh := client.Subscribe(t.Context(), "news")
	defer fresh.Close()
	if n, err := client.Publish(t.Context(), "news", "lost").Result(); n != 1 || err != nil {
		t.Errorf("publishing while subscriptions are swallowed: %d receivers, %v", n, err)
	}
	for name, p := range map[string]*redis.PubSub{"old": old, "new": fresh} {
		if got, err := p.ReceiveTimeout(t.Context(), 200*time.Millisecond); err == nil {
			t.Errorf("a subscription that is %s got %v", name, got)
		}
	}
	link.Repair()
	again := client.Subscribe(t.Context(), "news")
	defer again.Close()
	if _, err := again.Receive(t.Context()); err != nil {
		t.Errorf("subscribing after the repair: %v", err)
	}
}

func TestAToxicLinkIsSlowOrSilentUntilItIsHealed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	link := faults.StartToxicLink(t, server.Address())
	client := clientOf(t, link.Address())
	for toxic, attributes := range map[string]map[string]int{
		"latency": {"latency": 4000},
		"timeout": {"timeout": 0},
	} {
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Errorf("before %s: %v", toxic, err)
		}
		link.Poison(toxic, attributes)
		if err := client.Ping(t.Context()).Err(); err == nil {
			t.Errorf("answered in time by a link with %s", toxic)
		}
		link.Heal()
		answers(t, client)
	}
}

// answers waits for an answer: connections may have to be made anew.
func answers(t *testing.T, client *redis.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	defer cancel()
	for client.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			t.Fatal("no answer from a link that is healed")
		}
	}
}
