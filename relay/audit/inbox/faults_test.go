package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// backend adds reports one after the other until it is stopped. Those that Redis accepted are
// said, if it has replicas when one of them has them; whether it has those that failed nobody
// knows.
type backend struct {
	mu       sync.Mutex
	accepted []string
	end      func()
}

func startBackend(t *testing.T, client redis.UniversalClient, replicas int) *backend {
	b := &backend{}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			name := fmt.Sprintf("%06d", i)
			if tell(ctx, client, name, replicas) == nil {
				b.mu.Lock()
				b.accepted = append(b.accepted, name)
				b.mu.Unlock()
			}
		}
	})
	b.end = func() { cancel(); running.Wait() }
	t.Cleanup(b.end)
	return b
}

func tell(ctx context.Context, client redis.UniversalClient, name string, replicas int) error {
	var have *redis.Cmd
	_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []string{"record", report(name)}})
		if replicas > 0 {
			have = pipe.Do(ctx, "WAIT", replicas, time.Second.Milliseconds())
		}
		return nil
	})
	if err != nil || have == nil {
		return err
	}
	if n, err := have.Int(); err != nil || n < replicas {
		return errors.Join(fmt.Errorf("%d replicas have it", n), err)
	}
	return nil
}

func (b *backend) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted
}

// awaitMore waits until so many more were accepted.
func (b *backend) awaitMore(t *testing.T, n int) {
	t.Helper()
	before := len(b.all())
	relaytest.Eventually(t, "the backend goes on", func() bool { return len(b.all()) >= before+n })
}

// expectAll waits until all that was accepted is kept.
func (b *backend) expectAll(t *testing.T, s *sink) {
	t.Helper()
	missing := ""
	relaytest.Eventually(t, "the trail has all that was accepted", func() bool {
		kept := make(map[string]bool)
		for _, id := range targets(s.all()) {
			kept[id] = true
		}
		for _, id := range b.all() {
			if !kept[id] {
				missing = id
				return false
			}
		}
		return true
	})
	if t.Failed() {
		t.Logf("%s is missing", missing)
	}
}

func TestAKilledRedisCostsNothing(t *testing.T) {
	t.Parallel()
	server, s := relaytest.StartRedis(t, relaytest.RedisKeeps()), &sink{}
	start(t, server.URL(), s, idle(1500*time.Millisecond))
	start(t, server.URL(), s, idle(1500*time.Millisecond))
	b := startBackend(t, server.Client(), 0)
	for range 3 {
		b.awaitMore(t, 100)
		server.Kill()
		server.Restart()
	}
	b.awaitMore(t, 100)
	b.end()
	b.expectAll(t, s)
	expectEmpty(t, server.Client())
}

// Redis comes back with nothing, or somebody deletes the stream or the group: it is made
// again, whether or not a node is waiting for entries just then.
func TestAStreamOrGroupThatIsGoneIsMadeAgain(t *testing.T) {
	harms := map[string]func(ctx context.Context, client *redis.Client) error{
		"the stream": func(ctx context.Context, client *redis.Client) error { return client.Del(ctx, stream).Err() },
		"the group": func(ctx context.Context, client *redis.Client) error {
			return client.XGroupDestroy(ctx, stream, "relay").Err()
		},
		"all": func(ctx context.Context, client *redis.Client) error { return client.FlushAll(ctx).Err() },
	}
	eachRedis(t, func(t *testing.T, url string) {
		for name, harm := range harms {
			t.Run(name, func(t *testing.T) {
				client, s := relaytest.RedisClient(t, url), &sink{}
				n := start(t, url, s)
				for i := range 3 {
					add(t, client, report(fmt.Sprint(i)))
					relaytest.Eventually(t, "it is kept", func() bool { return len(s.all()) == i+1 })
					expectEmpty(t, client)
					if err := harm(t.Context(), client); err != nil {
						t.Fatal(err)
					}
				}
				if n.said("level=WARN") > 0 {
					t.Errorf("the log says:\n%s", n.log.String())
				}
				n.stop()
				client.FlushAll(t.Context())
			})
		}
	})
}

func TestARedisThatComesBackEmptyIsReadAgain(t *testing.T) {
	t.Parallel()
	server, s := relaytest.StartRedis(t), &sink{}
	n := start(t, server.URL(), s)
	add(t, server.Client(), report("a"))
	expect(t, s, "a")
	server.Restart()
	add(t, server.Client(), report("b"))
	expect(t, s, "a", "b")
	expectEmpty(t, server.Client())
	n.stop()
}

// The key is something else: that is said, and once it is gone all goes on.
func TestAForeignKeyIsSaidAndWaitedFor(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, s := relaytest.RedisClient(t, url), &sink{}
		client.Set(t.Context(), stream, "x", 0)
		n := start(t, url, s)
		relaytest.Eventually(t, "the log says so", func() bool { return n.said("WRONGTYPE") == 1 })
		client.Del(t.Context(), stream)
		add(t, client, report("a"))
		expect(t, s, "a")
		relaytest.Eventually(t, "the log says that it goes on", func() bool { return n.said("are read again") == 1 })
	})
}

// A link that swallows everything is given up, and what came meanwhile is read over a new one.
func TestALinkThatSwallowsEverythingIsGivenUp(t *testing.T) {
	t.Parallel()
	server, s := relaytest.StartRedis(t), &sink{}
	link := faults.StartHoleLink(t, server.Address())
	n := start(t, "redis://"+link.Address(), s, idle(1500*time.Millisecond))
	add(t, server.Client(), report("a"))
	expect(t, s, "a")
	link.Swallow()
	add(t, server.Client(), report("b"))
	relaytest.Eventually(t, "the log says so", func() bool { return n.said("level=WARN") == 1 })
	link.Repair()
	expect(t, s, "a", "b")
	expectEmpty(t, server.Client())
}

func TestReportsGoOnAfterAFailover(t *testing.T) {
	t.Parallel()
	t.Run("Sentinels", func(t *testing.T) {
		t.Parallel()
		group, s := relaytest.StartRedisSentinel(t), &sink{}
		start(t, group.URL(), s, idle(1500*time.Millisecond))
		b := startBackend(t, group.Client(), 1)
		b.awaitMore(t, 100)
		group.FailOver()
		b.awaitMore(t, 100)
		b.end()
		b.expectAll(t, s)
		expectEmpty(t, group.Client())
	})
	t.Run("a Cluster", func(t *testing.T) {
		t.Parallel()
		group, s := relaytest.StartRedisCluster(t), &sink{}
		start(t, group.URL(), s, idle(1500*time.Millisecond))
		b := startBackend(t, group.Client(), 0)
		b.awaitMore(t, 100)
		slot := group.Slot(stream)
		for _, master := range group.Masters() { // one of them has it, the others get it
			if master != group.MasterOf(stream) {
				group.MoveSlot(slot, master)
				b.awaitMore(t, 100)
			}
		}
		add(t, group.Client(), "bad") // the refused stream is of another slot
		b.end()
		b.expectAll(t, s)
		expectEmpty(t, group.Client())
		if n := group.Client().XLen(t.Context(), refused).Val(); n != 1 {
			t.Errorf("%d are put aside", n)
		}
	})
}
