package main_test

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/checkup"
	"buildrelay/relay/relaytest"
)

// otherRedis starts a Redis with settings of its own, and has a check ask it. No node is there: those
// that answer are of another one.
func (w wellMade) otherRedis(t *testing.T, more ...relaytest.RedisOption) (aclRedis, map[string]string) {
	t.Helper()
	r := startACLRedis(t, "buildrelay.acl", append([]relaytest.RedisOption{relaytest.RedisKeeps()}, more...)...)
	return r, map[string]string{"RELAY_REDIS_URL": r.urlOf("relay"), "RELAY_REDIS_CA_FILE": unset}
}

// noNodes adds that the relay's nodes are not there.
func noNodes(want map[string]checkup.Grade) map[string]checkup.Grade {
	want["nodes"] = checkup.Fail
	return want
}

func TestWhatIsWrongWithRedisIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	for name, c := range map[string]struct {
		options []relaytest.RedisOption
		want    map[string]checkup.Grade
	}{
		"it is as it should be": {[]relaytest.RedisOption{relaytest.RedisSettings(goodRedis()...)}, map[string]checkup.Grade{}},
		"it evicts":             {[]relaytest.RedisOption{relaytest.RedisSettings("maxmemory 256mb", "maxmemory-policy allkeys-lru")}, fails("redis.eviction")},
		"it may grow":           {nil, noted("redis.memory")},
		"it writes nothing down": {
			[]relaytest.RedisOption{relaytest.RedisSettings(append(goodRedis(), "appendonly no")...)}, noted("redis.persistence"),
		},
		"it is behind a replica that is not there": {
			[]relaytest.RedisOption{relaytest.RedisSettings(append(goodRedis(), "replicaof 127.0.0.1 1", "replica-read-only yes")...)}, fails("redis.kind"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, change := w.otherRedis(t, c.options...)
			if c.want["redis.kind"] == "" {
				noNodes(c.want)
			}
			w.expect(t, change, c.want)
			if refused := r.must(t, "operator", "ACL", "LOG"); len(refused.([]any)) != 0 {
				t.Errorf("operators see refusals: %v", refused)
			}
		})
	}
	t.Run("a rule wants replicas", func(t *testing.T) {
		t.Parallel()
		_, change := w.otherRedis(t, relaytest.RedisSettings(goodRedis()...))
		change["RELAY_LOG_RULES"] = "private-build-* replay=all replicas=1"
		w.expect(t, change, noNodes(fails("redis.replicas")))
	})
	for name, user := range map[string]string{"a backend's user": "backend", "a user who is none": "nobody"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string]checkup.Grade{"redis.rights": checkup.Fail, "redis": checkup.Note} // it may not ask INFO either
			if user == "nobody" {
				want = fails("redis")
			}
			w.expect(t, map[string]string{"RELAY_REDIS_URL": w.redis.urlOf(user)}, want)
		})
	}
	t.Run("no password", func(t *testing.T) {
		t.Parallel()
		server := relaytest.StartRedis(t, relaytest.RedisKeeps(), relaytest.RedisSettings(goodRedis()...))
		w.expect(t, map[string]string{"RELAY_REDIS_URL": server.URL(), "RELAY_REDIS_CA_FILE": unset}, noNodes(noted("redis.user")))
	})
	t.Run("a user without a password beside the others", func(t *testing.T) {
		t.Parallel()
		r, change := w.otherRedis(t, relaytest.RedisSettings(goodRedis()...))
		r.must(t, "operator", "ACL", "SETUSER", "default", "on", "nopass", "~*", "&*", "+@all")
		w.expect(t, change, noNodes(noted("redis.user")))
	})
	t.Run("it is full", func(t *testing.T) {
		t.Parallel()
		r, change := w.otherRedis(t, relaytest.RedisSettings(goodRedis()...))
		r.must(t, "operator", "SETRANGE", "ballast", "100000000", "x")
		used := regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(fmt.Sprint(r.must(t, "operator", "INFO", "memory")))
		bytes, err := strconv.Atoi(used[1])
		if err != nil {
			t.Fatal(err)
		}
		r.must(t, "operator", "CONFIG", "SET", "maxmemory", bytes*100/95)
		w.expect(t, change, noNodes(fails("redis.memory")))
	})
	t.Run("its clock is wrong", func(t *testing.T) {
		t.Parallel()
		clock := relaytest.NewClock(t)
		clock.Step(time.Minute)
		r, change := w.otherRedis(t, relaytest.RedisSettings(goodRedis()...))
		r.RestartWithClock(clock)
		w.expect(t, change, noNodes(fails("redis.clock")))
	})
	t.Run("its certificate ends soon", func(t *testing.T) {
		t.Parallel()
		certs := certsFor(w.authority, 10*24*time.Hour)
		r := startACLRedis(t, "buildrelay.acl", relaytest.RedisTLS(certs), relaytest.RedisKeeps(), relaytest.RedisSettings(goodRedis()...))
		w.expect(t, map[string]string{"RELAY_REDIS_URL": r.urlOf("relay")}, noNodes(fails("redis.expiry")))
	})
	t.Run("another authority", func(t *testing.T) {
		t.Parallel()
		w.expect(t, map[string]string{"RELAY_REDIS_CA_FILE": relaytest.NewAuthority(t).File}, fails("redis"))
	})
}

// All masters of a Cluster, and the one that Sentinels name, are looked at as one server is.
func TestACheckKnowsClustersAndSentinels(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func() string{
		"cluster":   func() string { return relaytest.StartRedisCluster(t).URL() },
		"sentinels": func() string { return relaytest.StartRedisSentinel(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"RELAY_REDIS_URL": start(), "RELAY_LOG_RULES": "private-build-* replay=all"}
			w := wellMade{authority: relaytest.NewAuthority(t), env: env, nodes: []*relaytest.Relay{relaytest.StartRelay(t, env), relaytest.StartRelay(t, env)}}
			maps.Copy(env, map[string]string{
				"RELAY_LISTEN": w.nodes[0].Address, "RELAY_TLS": "off", "RELAY_MAX_CONNECTIONS": "100",
				"RELAY_APP_ID": relaytest.AppID, "RELAY_APP_KEY": relaytest.Key, "RELAY_APP_SECRET": relaytest.Secret,
			})
			stdout, _, _ := w.run(t, nil)
			for _, want := range []string{"ok    redis.rights ", "ok    redis.roster ", "ok    redis.latency ", "ok    redis.clock ", "ok    log ", "ok    nodes ", " 0 failed"} {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
		})
	}
}
