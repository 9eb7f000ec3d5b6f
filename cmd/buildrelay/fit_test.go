package main_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// older returns the address of a server that takes itself to be of an older version.
func older(t *testing.T, server *relaytest.Redis) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { makeOlder(ctx, client, server.Address()) })
		}
	})
	t.Cleanup(func() {
		stop()
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// makeOlder carries a connection, and changes the version in what the server says.
func makeOlder(ctx context.Context, client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); server.Close() })()
	var asking sync.WaitGroup
	asking.Go(func() { _, _ = io.Copy(server, client); server.Close() })
	answer := make([]byte, 64<<10)
	for {
		n, err := server.Read(answer)
		if err != nil {
			break
		}
		said := bytes.ReplaceAll(answer[:n], []byte("redis_version:7.0"), []byte("redis_version:6.2"))
		if _, err := client.Write(said); err != nil {
			break
		}
	}
	client.Close()
	asking.Wait()
}

// replicaOf makes a server a replica of another one.
func replicaOf(master *relaytest.Redis) relaytest.RedisOption {
	return relaytest.RedisSettings("replicaof " + strings.Replace(master.Address(), ":", " ", 1))
}

func TestANodeDoesNotStartWithARedisThatIsNotWhatItNeeds(t *testing.T) {
	t.Parallel()
	single := relaytest.StartRedis(t,
		relaytest.RedisUser("deaf", "on", ">hunter2", "~*", "&*", "+@all", "-subscribe"),
		relaytest.RedisUser("elsewhere", "on", ">hunter2", "~*", "resetchannels", "&other:*", "+@all"))
	replica := relaytest.StartRedis(t, replicaOf(single))
	cluster, sentinel := relaytest.StartRedisCluster(t), relaytest.StartRedisSentinel(t)
	for name, c := range map[string]struct{ url, want string }{
		"an old version":           {"redis://" + older(t, single), `Redis is of version "6.2`},
		"a replica":                {replica.URL(), "it is a replica"},
		"a Cluster's server":       {"redis://" + cluster.Nodes()[0].Address(), "that is given as redis+cluster://"},
		"no Cluster":               {"redis+cluster://" + single.Address(), "is no Redis Cluster: one server is given as redis://"},
		"a Sentinel":               {"redis://" + sentinel.Sentinels()[0].Address(), "those are given as redis+sentinel://"},
		"a Sentinel as a Cluster":  {"redis+cluster://" + sentinel.Sentinels()[0].Address(), "is no Redis Cluster"},
		"no Sentinel":              {"redis+sentinel://" + single.Address() + "/mymaster", "are no Sentinels: one server is given as redis://"},
		"no such master":           {"redis+sentinel://" + sentinel.Sentinels()[0].Address() + "/nobody", "know no master of the name"},
		"a user who may not hear":  {single.URLFor("deaf", "hunter2"), "the user may not do what a node needs: hear a channel: NOPERM"},
		"a user of other channels": {single.URLFor("elsewhere", "hunter2"), "the user may not do what a node needs: hear a channel: NOPERM"},
		"a wrong password":         {single.URLFor("deaf", "wrong"), "WRONGPASS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := relaytest.LaunchRelay(t, map[string]string{"RELAY_REDIS_URL": c.url})
			if state := r.AwaitEnd(relaytest.Patience); state.ExitCode() != 1 {
				t.Errorf("it ended by %v", state)
			}
			said := strings.Join(r.Log(), "\n")
			if !strings.Contains(said, "buildrelay: Redis is not what a node needs: ") || !strings.Contains(said, c.want) {
				t.Errorf("it said %s", said)
			}
			if strings.Contains(said, "hunter2") {
				t.Error("it told the password")
			}
			_, errs, code := redisCommand(t, c.url, "check")
			if out, _, _ := redisCommand(t, c.url, "check"); code != 1 || !strings.Contains(out, "FAIL  ") || !strings.Contains(out, c.want) {
				t.Errorf("'redis check' ended with code %d, and said %s%s", code, out, errs)
			}
		})
	}
}

// warnings are the texts of what a node has warned of.
func warnings(r *relaytest.Relay) (texts []string) {
	for _, line := range r.Log() {
		if strings.Contains(line, `"level":"WARN"`) {
			texts = append(texts, line)
		}
	}
	return texts
}

func TestANodeWarnsOfARedisThatMayLoseSomething(t *testing.T) {
	t.Parallel()
	const rules = "RELAY_LOG_RULES"
	durable := relaytest.RedisSettings("appendonly yes")
	for name, c := range map[string]struct {
		redis    []relaytest.RedisOption
		rule     string
		replicas bool
		user     string
		want     []string
	}{
		"nothing to warn of":          {redis: []relaytest.RedisOption{durable}, rule: "private-*"},
		"live channels alone":         {},
		"eviction":                    {redis: []relaytest.RedisOption{relaytest.RedisSettings("maxmemory 100mb", "maxmemory-policy allkeys-lru")}, want: []string{"maxmemory-policy is allkeys-lru"}},
		"no persistence":              {rule: "private-*", want: []string{"appendonly is off"}},
		"too few replicas":            {redis: []relaytest.RedisOption{durable}, rule: "private-* replicas=2", replicas: true, want: []string{"has replicas=2, and 1 are connected", "min-replicas-to-write is 0"}},
		"a master that goes on":       {replicas: true, want: []string{"min-replicas-to-write is 0"}},
		"a master that does not":      {redis: []relaytest.RedisOption{durable, relaytest.RedisSettings("min-replicas-to-write 1")}, replicas: true, rule: "private-* replicas=1"},
		"no rights for rosters":       {user: "roster", want: []string{"the user may not keep members"}},
		"no rights for logs":          {redis: []relaytest.RedisOption{durable}, rule: "private-*", user: "log", want: []string{"for log and cache channels"}},
		"no logs, no rights for them": {user: "log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := relaytest.StartRedis(t, append(c.redis,
				relaytest.RedisUser("roster", "on", ">pw", "~*", "&*", "+@all", "-hset"),
				relaytest.RedisUser("log", "on", ">pw", "~*", "&*", "+@all", "-zadd"))...)
			if c.replicas {
				replica := relaytest.StartRedis(t, replicaOf(server))
				relaytest.Eventually(t, "the replica is connected", func() bool {
					info := server.Client().Info(t.Context(), "replication").Val()
					return strings.Contains(info, "state=online") && strings.Contains(replica.Client().Info(t.Context(), "replication").Val(), "master_link_status:up")
				})
			}
			env := map[string]string{"RELAY_REDIS_URL": server.URL(), rules: c.rule}
			if c.user != "" {
				env["RELAY_REDIS_URL"] = server.URLFor(c.user, "pw")
			}
			r := relaytest.LaunchRelay(t, env)
			r.AwaitReady()
			got := warnings(r)
			for _, want := range c.want {
				if !strings.Contains(strings.Join(got, "\n"), want) {
					t.Errorf("it did not warn of %q", want)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("it warned %d times, not %d:\n%s", len(got), len(c.want), strings.Join(got, "\n"))
			}
		})
	}
}

// A node whose Redis is away starts, and looks at it when it is there: if it is not what it
// needs the node is not ready, and goes on.
func TestANodeLooksAtARedisThatWasAway(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	link := faults.StartHoleLink(t, "")
	r := relaytest.LaunchRelay(t, map[string]string{"RELAY_REDIS_URL": "redis://" + link.Address()})
	r.ExpectLog("Redis cannot be reached, waiting for it")
	link.LeadTo(older(t, server))
	r.AwaitListening()
	r.ExpectLog("the node is not ready")
	r.Eventually("/readyz says why", func() bool {
		status, reply := r.AskMetrics("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(reply, "6.2")
	})

	again := relaytest.LaunchRelay(t, map[string]string{"RELAY_REDIS_URL": "redis://" + link.Address()})
	if state := again.AwaitEnd(relaytest.Patience); state.ExitCode() != 1 {
		t.Errorf("the next one ended by %v", state)
	}
	link.LeadTo("")
	last := relaytest.LaunchRelay(t, map[string]string{"RELAY_REDIS_URL": "redis://" + link.Address()})
	last.ExpectLog("Redis cannot be reached, waiting for it")
	link.LeadTo(server.Address())
	last.AwaitReady()
}

func TestRedisCheckLooksAtEachMaster(t *testing.T) {
	t.Parallel()
	cluster, sentinel := relaytest.StartRedisCluster(t), relaytest.StartRedisSentinel(t)
	odd := cluster.Nodes()[1]
	for name, value := range map[string]string{"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"} {
		if err := odd.Client().ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := redisCommand(t, cluster.URL(), "check")
	if code != 1 || !strings.Contains(out, "FAIL  "+odd.Address()+": maxmemory-policy is allkeys-lru") ||
		strings.Count(out, "the user may do what a node needs") != 1 || strings.Count(out, "ok    Redis 7") != 1 {
		t.Errorf("a Cluster: code %d, %s%s", code, out, errs)
	}
	if err := odd.Client().ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
		t.Fatal(err)
	}
	for kind, url := range map[string]string{"a Cluster": cluster.URL(), "Sentinels": sentinel.URL()} {
		if out, errs, code := redisCommand(t, url, "check"); code != 0 || !strings.Contains(out, "ok    the user may do what a node needs") {
			t.Errorf("%s: code %d, %s%s", kind, code, out, errs)
		}
	}
	for _, node := range cluster.Nodes() {
		if keys := node.Client().Keys(t.Context(), "*").Val(); len(keys) > 0 {
			t.Errorf("the check left %v", keys)
		}
	}
}
