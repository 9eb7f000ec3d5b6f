package main_test

import (
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// startACLNode starts a node as the user relay, with all that it can do turned on.
func startACLNode(t *testing.T, r aclRedis, more map[string]string) (world, *relaytest.Hooks) {
	t.Helper()
	hooks := relaytest.StartHooks(t)
	env := withCounts(hookEnv(hooks))
	maps.Copy(env, map[string]string{
		"RELAY_REDIS_URL": r.urlOf("relay"), "RELAY_LOG_RULES": "private-build-* replay=all", "RELAY_APP_WATCHLISTS": "true",
		"RELAY_NODE_URL": "http://127.0.0.1:1", "RELAY_CLUSTER_SECRET": clusterSecret, "RELAY_DATA_DIR": t.TempDir(),
	})
	maps.Copy(env, more)
	return world{relaytest.StartRelay(t, env), r.Redis}, hooks
}

// Everything that nodes and backends do is done by users who may do that alone, and Redis
// has refused nothing. No right is there in vain.
func TestNodesAndBackendsWorkWithTheRightsOfTheirACLFile(t *testing.T) {
	t.Parallel()
	r := startACLRedis(t, "buildrelay.acl")
	r.must(t, "operator", "CONFIG", "RESETSTAT")
	w, hooks := startACLNode(t, r, nil)
	r.install(t)
	channels(t, w, r)
	people(t, w)
	r.builds(t, w)
	hooks.Await("channel_occupied", "presence-room")
	x := w.ConnectXHR(relaytest.XHROptions{})
	x.Subscribe("news")
	w.Stop()
	r.expectNoRefusal(t)
	r.expectUse(t)
}

// install makes Redis know the function, as the operator.
func (r aclRedis) install(t *testing.T) {
	t.Helper()
	if out, errs, code := redisCommand(t, r.urlOf("operator"), "install"); code != 0 {
		t.Fatalf("installing the function: %s%s", out, errs)
	}
}

// channels publishes on live and cache channels by both ways.
func channels(t *testing.T, w world, r aclRedis) {
	t.Helper()
	c := w.Connect()
	c.Subscribe("news")
	c.Await("pusher_internal:subscription_count")
	subscribeCache(c, "cache-status")
	c.Await("pusher:cache_miss")
	for name, body := range map[string]string{
		"by id":   `{"name":"by-id","channel":"news","data":"x","id":"1"}`,
		"to both": `{"name":"to-both","channels":["news","cache-status"],"data":"x"}`,
	} {
		if status, reply := w.Request(http.MethodPost, "/events", body); status != http.StatusOK {
			t.Errorf("an event %s: %d %s", name, status, reply)
		}
	}
	r.must(t, "backend", "PUBLISH", "buildrelay:3:news", `{"event":"by-redis","data":"x"}`)
	c.Await("by-redis")
	keep := relaytest.RedisClient(t, r.urlOf("backend")).TxPipeline()
	keep.Set(t.Context(), "buildrelay:{3:cache-status}:cache", `{"event":"kept","data":"y"}`, 60_000_000_000)
	keep.Publish(t.Context(), "buildrelay:3:cache-status", `{"event":"kept","data":"y"}`)
	if _, err := keep.Exec(t.Context()); err != nil {
		t.Errorf("a backend may not keep an event: %v", err)
	}
	c.Await("kept")
	late := w.Connect()
	subscribeCache(late, "cache-status")
	late.Await("kept")
	if data, ttl := cacheOf(t, w, "cache-status"); data != "y" || ttl == 0 {
		t.Errorf("the API has %q for %d s", data, ttl)
	}
}

// people come, are listed and thrown out.
func people(t *testing.T, w world) {
	t.Helper()
	a, b := w.Connect(), w.Connect()
	a.Join("presence-room", "1")
	b.Join("presence-room", "2")
	a.Await("pusher_internal:member_added")
	b.Signin("bob")
	for path, want := range map[string]string{
		"/channels": "presence-room", "/channels/presence-room/users": `"2"`, "/channels/news?info=subscription_count": "",
	} {
		path, _, _ := strings.Cut(path, "?")
		if status, reply := w.Request(http.MethodGet, path, ""); status != http.StatusOK || !strings.Contains(reply, want) {
			t.Errorf("%s: %d %s", path, status, reply)
		}
	}
	if status, reply := w.Request(http.MethodPost, "/users/bob/terminate_connections", ""); status != http.StatusOK {
		t.Errorf("throwing out: %d %s", status, reply)
	}
	b.Await("pusher:error")
	b.Cut()
	a.Await("pusher_internal:member_removed")
	revoke(t, w, `{"user_id":"1"}`)
	a.ExpectError(4200, "Authorization was revoked")
	a.Cut()
}

// builds appends a log by every way, reads it, and reports to the audit trail.
func (r aclRedis) builds(t *testing.T, w world) {
	t.Helper()
	const channel = "private-build-1"
	c := w.Connect()
	c.Subscribe(channel)
	w.publish("by-http", "1", channel)
	r.must(t, "backend", "FCALL", "buildrelay_append", 1, "buildrelay:{3:"+channel+"}", "by-function", "2", "id-2", `{"maxlen":2}`)
	pipe := exec.CommandContext(t.Context(), relaytest.Build(t), "pipe", "--channel", channel, "--", "echo", "by pipe")
	pipe.Env = []string{
		relaytest.QuickExit, "PATH=/usr/bin:/bin", "RELAY_APP_ID=3", "RELAY_REDIS_URL=" + r.urlOf("backend"), "RELAY_LOG_RULES=private-build-* replay=all",
	}
	if out, err := pipe.CombinedOutput(); err != nil || strings.Contains(string(out), "NOPERM") {
		t.Errorf("pipe: %v\n%s", err, out)
	}
	for _, event := range []string{"by-http", "by-function", "build:output"} {
		c.Await(event)
	}
	late := w.Connect()
	late.Subscribe(channel)
	late.Await("build:output")
	for _, query := range []string{"/history", "/log"} {
		if status, reply := w.Request(http.MethodGet, "/channels/"+channel+query, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", query, status, reply)
		}
	}
	r.must(t, "backend", "XADD", "buildrelay:audit", "*", "record", reports()["user.create"])
	r.must(t, "backend", "XADD", "buildrelay:audit", "*", "record", "no record")
	relaytest.Eventually(t, "both reports are taken off the stream", func() bool {
		return r.must(t, "operator", "XLEN", "buildrelay:audit") == int64(0) && r.must(t, "operator", "XLEN", "buildrelay:audit:refused") == int64(1)
	})
}

// expectNoRefusal looks at what Redis refused. Libraries tell it their name, which nobody
// needs to be allowed.
func (r aclRedis) expectNoRefusal(t *testing.T) {
	t.Helper()
	log, err := relaytest.RedisClient(t, r.urlOf("operator")).ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range log {
		if !strings.HasPrefix(entry.Object, "client|") {
			t.Errorf("refused: %s of %s (%s, %s)", entry.Object, entry.Username, entry.Reason, entry.Context)
		}
	}
}

// seldom are rights that a run without faults does not need: a node has died, or the roster
// waits until others are back.
func seldom() []string { return []string{"srandmember", "pexpire", "xautoclaim"} }

// expectUse finds rights of the user relay that nobody has used.
func (r aclRedis) expectUse(t *testing.T) {
	t.Helper()
	stats := fmt.Sprint(r.must(t, "operator", "INFO", "commandstats"))
	used := make(map[string]bool)
	for _, m := range regexp.MustCompile(`cmdstat_([a-z|]+):calls=([1-9])`).FindAllStringSubmatch(stats, -1) {
		used[m[1]] = true
	}
	var idle []string
	for _, rule := range r.rules["relay"] {
		if name, ok := strings.CutPrefix(rule, "+"); ok && !used[name] && !slices.Contains(seldom(), name) {
			idle = append(idle, name)
		}
	}
	if len(idle) > 0 {
		t.Errorf("nobody used these rights of the user relay: %v", idle)
	}
}

// Slanger, its backends and the relay work side by side on one Redis, each as its user.
func TestSlangerAndTheRelayWorkWithTheRightsOfTheirACLFile(t *testing.T) {
	t.Parallel()
	r := startACLRedis(t, "slanger.acl")
	w, _ := startACLNode(t, r, map[string]string{"RELAY_REDIS_SLANGER": "on", "RELAY_LOG_RULES": ""})
	slanger := relaytest.RedisClient(t, r.URLFor("", "")) // logs in by the password alone, as Slanger does
	if err := slanger.Do(t.Context(), "AUTH", aclPassword("default")).Err(); err != nil {
		t.Fatal(err)
	}
	c := w.Connect()
	c.Subscribe("private-a@b@1")
	for user, event := range map[string]string{"default": "by-slanger", "backend": "by-backend"} {
		r.must(t, user, "PUBLISH", "private-a@b@1", fmt.Sprintf(`{"event":%q,"data":"x","channel":"private-a@b@1"}`, event))
		c.Await(event)
	}
	w.publish("by-relay", "x", "private-a@b@1")
	c.Await("by-relay")
	r.expectNoRefusal(t)
	refused := w.Connect()
	refused.Request("builds", "") // a public channel, whose name the file does not have
	refused.Await("pusher:error")
}

// What redis check says of the users is what they may.
func TestRedisCheckAgreesWithTheACLFile(t *testing.T) {
	t.Parallel()
	r := startACLRedis(t, "buildrelay.acl")
	r.install(t)
	for user, want := range map[string]string{
		"relay":   "ok    the user may do what a node needs",
		"backend": "FAIL  the user may not do what a node needs: hear a channel",
	} {
		out, errs, code := redisCommand(t, r.urlOf(user), "check")
		if !strings.Contains(out, want) || (code == 0) != strings.HasPrefix(want, "ok") {
			t.Errorf("%s: code %d\n%s%s", user, code, out, errs)
		}
	}
}
