package broker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// By a connection that wrote nothing WAIT waits for nothing: who publishes again must not
// be told by it that replicas have what was written by another one.
func TestWhoPublishesAgainWaitsByAConnectionThatWrote(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	rule := protocol.NewLogRule("*")
	rule.Replicas = 1
	r := startRig(t, server.URL(), allLogs(rule))
	const known = "buildrelay:{1:log}:id:x"
	for range 2 {
		if _, err := r.Publish(t.Context(), "1", []protocol.Event{withID("log", "x", "1")}); !errors.Is(err, protocol.ErrNotReplicated) {
			t.Errorf("without a replica: %v", err)
		}
		if left := server.Client().PTTL(t.Context(), known).Val(); left < 4*time.Minute {
			t.Errorf("the id is known for %s more: nothing was written", left)
		}
		if err := server.Client().PExpire(t.Context(), known, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// demoted makes a master a replica between two steps of publishing: when the script, which
// it did not know, was loaded. It counts the messages that are published.
type demoted struct {
	redis.Hook
	published *atomic.Int64
	loaded    *atomic.Bool
}

func (demoted) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d demoted) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		err := next(ctx, c)
		if c.Name() == "script" {
			d.loaded.Store(true)
		}
		return err
	}
}

func (d demoted) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		for _, c := range commands {
			if c.Name() == "publish" {
				d.published.Add(1)
			}
		}
		if len(commands) == 1 && commands[0].Name() == "evalsha" && d.loaded.Swap(false) {
			commands[0].SetErr(readOnly{})
			return readOnly{}
		}
		return next(ctx, commands)
	}
}

type readOnly struct{}

func (readOnly) Error() string { return "READONLY You can't write against a read only replica." }
func (readOnly) RedisError()   {}

func TestWhatWasPublishedIsNotPublishedAgainWhereTheRestIsNotDone(t *testing.T) {
	t.Parallel()
	r := startRig(t, relaytest.StartRedis(t).URL(), allLogs(protocol.NewLogRule("*")))
	hook := demoted{published: new(atomic.Int64), loaded: new(atomic.Bool)}
	broker.AddHook(r.Broker, hook)
	_, err := r.Publish(t.Context(), "1", []protocol.Event{event("a", "1"), event("log", "2")})
	if n := hook.published.Load(); err == nil || n != 1 {
		t.Errorf("the message was published %d times: %v", n, err)
	}
	if _, err := r.Publish(t.Context(), "1", []protocol.Event{event("log", "2")}); err != nil {
		t.Error(err)
	}
}
