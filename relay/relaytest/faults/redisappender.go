package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// redisAppender is a backend that calls the script, one line a call.
type redisAppender struct {
	client *redis.Client
	// function makes it call the Redis Function instead of the script.
	function bool
}

// newRedisAppender returns one that gives up a call after the time-out, does not try
// again by itself, and ends with the test.
func newRedisAppender(t testing.TB, address string, timeout time.Duration, function bool) *redisAppender {
	client := redis.NewClient(&redis.Options{
		Addr: address, MaxRetries: -1, DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout, PoolSize: 1,
	})
	t.Cleanup(func() { _ = client.Close() })
	return &redisAppender{client, function}
}

func (a *redisAppender) append(ctx context.Context, lines []numbered, o options) ([]appended, error) {
	var all []appended
	for _, line := range lines {
		given, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("encoding options: %w", err)
		}
		reply, err := a.call(ctx, logKey(line.line.Channel), []any{lineEvent, line.line.String(), line.id, given})
		if err != nil {
			return nil, err
		}
		answer, err := parseReply(reply)
		if err != nil {
			return nil, err
		}
		all = append(all, answer)
	}
	return all, nil
}

func (a *redisAppender) most() int { return 1 }

// call calls the script by its name, and tells Redis the script first where it does
// not know it any more.
func (a *redisAppender) call(ctx context.Context, key string, args []any) (any, error) {
	reply, err := a.byName(ctx, key, args)
	var answer redis.Error
	if !errors.As(err, &answer) {
		return reply, err
	}
	text := answer.Error()
	switch {
	case strings.HasPrefix(text, "NOSCRIPT"):
		return a.client.Eval(ctx, broker.AppendScript(), []string{key}, args...).Result()
	case strings.Contains(text, "Function not found"):
		if err := a.client.FunctionLoadReplace(ctx, broker.AppendLibrary()).Err(); err != nil {
			return nil, fmt.Errorf("loading the function: %w", err)
		}
		return a.byName(ctx, key, args)
	case strings.HasPrefix(text, "ERR buildrelay_append"), strings.HasPrefix(text, "LOG"):
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil, err
}

func (a *redisAppender) byName(ctx context.Context, key string, args []any) (any, error) {
	if a.function {
		return a.client.FCall(ctx, "buildrelay_append", []string{key}, args...).Result()
	}
	return a.client.EvalSha(ctx, redis.NewScript(broker.AppendScript()).Hash(), []string{key}, args...).Result()
}

// parseReply reads {"<epoch>:<id>", duplicate, watched}.
func parseReply(reply any) (appended, error) {
	values, ok := reply.([]any)
	if !ok || len(values) != 3 {
		return appended{}, fmt.Errorf("the script answered %v", reply)
	}
	text, _ := values[0].(string)
	at, err := protocol.ParsePosition(text)
	return appended{at, values[1] == int64(1)}, err
}

// logKey is the key of a channel's log.
func logKey(channel string) string { return "buildrelay:{" + relaytest.AppID + ":" + channel + "}" }
