package relaytest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
)

func TestRedisAnswersAndForgetsOnRestart(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	client := server.Client()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	before := server.URL()
	server.Restart()
	if n, err := client.Exists(t.Context(), "k").Result(); n != 0 || err != nil {
		t.Errorf("after a restart EXISTS k = %d, %v; want 0", n, err)
	}
	if server.URL() != before {
		t.Errorf("moved from %s to %s", before, server.URL())
	}
	server.Kill()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("answers after it was killed")
	}
}

func TestRedisComesBackFromAKillWithWhatItKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option relaytest.RedisOption
		want   string
	}{
		"a file":     {relaytest.RedisKeeps(), "new"},
		"a snapshot": {relaytest.RedisSnapshots(), "old"},
		"nothing":    {relaytest.RedisSettings("appendonly no"), ""},
	} {
		server := relaytest.StartRedis(t, c.option)
		client := server.Client()
		for _, command := range [][]any{{"SET", "k", "old"}, {"SAVE"}, {"SET", "k", "new"}} {
			if err := client.Do(t.Context(), command...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		server.Kill()
		server.Restart()
		if got, _ := client.Get(t.Context(), "k").Result(); got != c.want { // redis.Nil is ""
			t.Errorf("with %s: %q after a kill, want %q", name, got, c.want)
		}
	}
}

func TestRedisLosesNothingAfterAKillInATransaction(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisKeeps())
	client := server.Client()
	dir := client.ConfigGet(t.Context(), "dir").Val()["dir"]
	transaction := `redis.call('SET', 'half', '1') redis.call('SET', 'other', '1')`
	if err := client.Eval(t.Context(), transaction, nil).Err(); err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	server.Kill()
	files, err := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	written, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files[0], written.Size()-3); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Restart()
	if v, err := client.Get(t.Context(), "k").Result(); v != "v" || err != nil {
		t.Errorf("GET k = %q, %v", v, err)
	}
}

func TestRedisHoldsToPasswordUsersAndTLS(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	server := relaytest.StartRedis(t, relaytest.RedisTLS(certs), relaytest.RedisPassword("pass"),
		relaytest.RedisUser("reader", "on", ">secret", "resetchannels", "&allowed:*", "+subscribe", "+ping"))
	if err := server.Client().Ping(t.Context()).Err(); err != nil {
		t.Errorf("the default user: %v", err)
	}
	cases := []struct{ name, url, channel, want string }{
		{"no password", server.URLFor("", ""), "allowed:x", "NOAUTH"},
		{"wrong password", server.URLFor("reader", "wrong"), "allowed:x", "WRONGPASS"},
		{"another channel", server.URLFor("reader", "secret"), "x", "NOPERM"},
		{"its channel", server.URLFor("reader", "secret"), "allowed:x", ""},
	}
	for _, c := range cases {
		err := subscribe(t, certs, c.url, c.channel)
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func subscribe(t *testing.T, certs *relaytest.Certs, url, channel string) error {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.TLSConfig, options.MaxRetries = certs.Client(), -1
	client := redis.NewClient(options)
	defer client.Close()
	subscription := client.Subscribe(t.Context(), channel)
	defer subscription.Close()
	_, err = subscription.Receive(t.Context())
	return err
}

func TestRedisIsSilentWhileFrozen(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := server.Client().Ping(ctx).Err(); err == nil {
		t.Error("answers while frozen")
	}
	server.Thaw()
	if err := server.Client().Ping(t.Context()).Err(); err != nil {
		t.Errorf("after the thaw: %v", err)
	}
}
