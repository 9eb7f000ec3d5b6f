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
	client redis.UniversalClient
	// function makes it call the Redis Function instead of the script.
	function bool
}

func newRedisAppender(client redis.UniversalClient, function bool) *redisAppender {
	return &redisAppender{client, function}
}

// impatient is a client as the given one, that gives up a call after the time-out and does
// not try again by itself, but that in a Cluster it goes where it is sent. It ends with the
// test. With an address it connects there.
func impatient(t testing.TB, as redis.UniversalClient, address string, timeout time.Duration) redis.UniversalClient {
	t.Helper()
	var client redis.UniversalClient
	switch as := as.(type) {
	case *redis.Client:
		like := as.Options()
		o := &redis.Options{Addr: address, MaxRetries: -1, PoolSize: 1, DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout}
		o.Username, o.Password, o.DB, o.TLSConfig = like.Username, like.Password, like.DB, like.TLSConfig
		if address == "" {
			o.Addr, o.Dialer = like.Addr, like.Dialer // which asks Sentinels for the master
		}
		client = redis.NewClient(o)
	case *redis.ClusterClient:
		like := as.Options()
		o := &redis.ClusterOptions{Addrs: like.Addrs, PoolSize: 1, DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout}
		o.Username, o.Password, o.TLSConfig = like.Username, like.Password, like.TLSConfig
		client = redis.NewClusterClient(o)
	default:
		t.Fatalf("a backend knows no client such as %T", as)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (a *redisAppender) append(ctx context.Context, lines []numbered, o options) ([]appended, error) {
	var all []appended
	for _, line := range lines {
		given, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("encoding options: %w", err)
		}
		reply, err := a.call(ctx, LogKey(line.line.Channel), []any{lineEvent, line.line.String(), line.id, given})
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
		if err := a.load(ctx); err != nil {
			return nil, fmt.Errorf("loading the function: %w", err)
		}
		return a.byName(ctx, key, args)
	case strings.HasPrefix(text, "ERR buildrelay_append"), strings.HasPrefix(text, "LOG"):
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil, err
}

// load tells Redis the function; in a Cluster every master must know it.
func (a *redisAppender) load(ctx context.Context) error {
	if cluster, ok := a.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
			return master.FunctionLoadReplace(ctx, broker.AppendLibrary()).Err()
		})
	}
	return a.client.FunctionLoadReplace(ctx, broker.AppendLibrary()).Err()
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

// LogKey is the key of a channel's log.
func LogKey(channel string) string { return "buildrelay:{" + relaytest.AppID + ":" + channel + "}" }
