package broker

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

func TestALeaseIsRefreshed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	client := server.Client()
	pool := redisconn.NewPool(redisconn.Single(&redis.Options{Addr: server.Address()}), options)
	defer pool.Close()
	l := newLeases(pool, newScripts().watch, newNames("p", "node", "", nil), slog.New(slog.DiscardHandler))
	l.refresh = 10 * time.Millisecond
	l.watch(channelKey{"1", "a"})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { l.run(ctx) })
	score := func() float64 { return client.ZScore(ctx, "p:{1:a}:watched", "node").Val() }
	deadline := time.Now().Add(relaytest.Patience)
	var first float64
	for first == 0 || score() <= first {
		if time.Now().After(deadline) {
			t.Fatal("the lease is not refreshed")
		}
		if first == 0 {
			first = score()
		}
	}
	if ends := time.UnixMilli(int64(score())); time.Until(ends) > leaseTime+time.Second {
		t.Errorf("the lease ends at %s, in more than %s", ends, leaseTime)
	}
}
