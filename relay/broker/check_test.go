package broker_test

import (
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// expectFindings compares what Check finds with "GRADE words of the text" each.
func expectFindings(t *testing.T, l *logRig, want ...string) {
	t.Helper()
	found := l.Check(t.Context(), broker.Needs{AppID: "1"})
	for i, f := range found {
		if i >= len(want) {
			t.Errorf("found %s %s", f.Grade, f.Text)
			continue
		}
		grade, words, _ := strings.Cut(want[i], " ")
		if string(f.Grade) != grade || !strings.Contains(f.Text, words) {
			t.Errorf("found %s %s, want %s", f.Grade, f.Text, want[i])
		}
		if strings.Contains(f.Text, "\n") || strings.Contains(f.Text, "hunter2") {
			t.Errorf("found %q", f.Text)
		}
	}
	if len(found) < len(want) {
		t.Errorf("found nothing for %q", want[len(found):])
	}
}

func TestCheckFindsWhatRedisIs(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	l := newLogRig(t, server.URL())
	expectFindings(t, l,
		"ok Redis 7", "ok maxmemory is not set", "note appendonly is off",
		"note buildrelay_append is not installed", "ok what a node needs", "ok and append by EVALSHA")
	if keys := l.do("KEYS", "*"); len(keys.([]any)) != 0 {
		t.Errorf("the check left %s", keys)
	}

	if err := l.InstallFunctions(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.do("CONFIG", "SET", "maxmemory", "100mb")
	l.do("CONFIG", "SET", "appendonly", "yes")
	expectFindings(t, l,
		"ok Redis 7", "ok noeviction", "ok appendonly is on",
		"ok buildrelay_append is installed", "ok what a node needs", "ok and append by FCALL")

	l.do("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
	library := strings.Replace(broker.AppendLibrary(), "20000", "10000", 1)
	if err := l.client.FunctionLoadReplace(t.Context(), library).Err(); err != nil {
		t.Fatal(err)
	}
	expectFindings(t, l,
		"ok Redis 7", "FAIL maxmemory-policy is volatile-lru", "ok appendonly is on",
		"FAIL another version", "ok what a node needs", "ok and append by FCALL")
	if err := l.InstallFunctions(t.Context()); err != nil {
		t.Errorf("installing again: %v", err)
	}
	library = strings.Replace(broker.MaskLibrary(), "10000", "20000", 1)
	if err := l.client.FunctionLoadReplace(t.Context(), library).Err(); err != nil {
		t.Fatal(err)
	}
	expectFindings(t, l,
		"ok Redis 7", "FAIL maxmemory-policy is volatile-lru", "ok appendonly is on", "ok buildrelay_append is installed",
		"FAIL buildrelay_mask is of another version", "ok what a node needs", "ok and append by FCALL")
	if err := l.InstallFunctions(t.Context()); err != nil {
		t.Errorf("installing again: %v", err)
	}
	l.do("CONFIG", "SET", "maxmemory", "1")
	expectFindings(t, l,
		"ok Redis 7", "FAIL maxmemory-policy is volatile-lru", "ok appendonly is on",
		"ok of this version", "FAIL OOM", "note can publish, but not append")
}

// The least that users must be allowed, as docs/PROTOCOL.md and docs/OPERATIONS.md say.
const (
	scriptRights  = "+time +exists +get +set +hmget +hset +hdel +del +xlen +xadd +xrange +xtrim +expire +publish"
	nodeRights    = scriptRights + " +subscribe +unsubscribe +evalsha +script|load +multi +exec +xrevrange +type +getrange +pttl +pexpire +hget +hkeys +hlen +zadd +zrange +zrem +zremrangebyscore"
	backendRights = scriptRights + " +fcall"
)

// user is a Redis user of the prefix buildrelay with no other right than these.
func user(name, rights string, more ...string) relaytest.RedisOption {
	return relaytest.RedisUser(name, append([]string{
		"on", ">hunter2", "resetchannels", "resetkeys", "-@all", "~buildrelay:*", "&buildrelay:*", rights,
	}, more...)...)
}

func TestCheckFindsWhatAUserMayNot(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t,
		user("node", nodeRights), user("backend", backendRights), user("script", scriptRights, "+evalsha", "+script|load"),
		user("live", "+publish"), user("deaf", nodeRights, "-subscribe"), user("curious", nodeRights, "+info", "+function|list"),
		user("elsewhere", nodeRights, "resetkeys", "~other:*"), user("quiet", nodeRights, "-zadd"),
	)
	if err := newLogRig(t, server.URL()).InstallFunctions(t.Context()); err != nil {
		t.Fatal(err)
	}
	const noInfo, noList = "note may not ask INFO", "note may not ask FUNCTION LIST"
	tests := map[string][]string{
		"node":    {noInfo, noList, "ok what a node needs", "ok by EVALSHA"},
		"backend": {noInfo, noList, "FAIL what a node needs: hear a channel: NOPERM", "ok by FCALL"},
		"script":  {noInfo, noList, "FAIL what a node needs", "ok by EVALSHA"},
		"live":    {noInfo, noList, "FAIL what a node needs", "note by FCALL: NOPERM"},
		"deaf":    {noInfo, noList, "FAIL hear a channel: NOPERM", "ok by EVALSHA"},
		"curious": {
			"ok Redis", "ok maxmemory is not set", "note appendonly is off", "ok buildrelay_append is installed",
			"ok what a node needs", "ok by EVALSHA",
		},
		"elsewhere": {noInfo, noList, "FAIL append events", "note can publish, but not append"},
		"quiet":     {noInfo, noList, "FAIL tell that it watches", "ok by EVALSHA"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) { expectFindings(t, newLogRig(t, server.URLFor(name, "hunter2")), want...) })
	}
	expectFindings(t, newLogRig(t, server.URLFor("node", "wrong")), "FAIL WRONGPASS")
	expectFindings(t, newLogRig(t, "redis://127.0.0.1:1"), "FAIL refused")
}

// Where all channels are live, what logs need is no fault.
func TestCheckAsksForNoMoreThanLiveChannelsNeed(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:*", "+info"),
		relaytest.RedisSettings("maxmemory 100mb", "maxmemory-policy allkeys-lru"))
	l := &logRig{rig: newRig(t, server.URLFor("relay", "hunter2"))}
	expectFindings(t, l, "ok Redis", "note maxmemory-policy is allkeys-lru", "note appendonly", "note FUNCTION LIST",
		"note loading a script into Redis: NOPERM", "note can publish, but not append")
}

// Each right is needed: without it the check fails.
func TestCheckMissesEachRight(t *testing.T) {
	t.Parallel()
	node, backend := strings.Fields(nodeRights), strings.Fields(backendRights)
	var users []relaytest.RedisOption
	for _, right := range node {
		users = append(users, user("node"+right, nodeRights, "-"+right[1:]))
	}
	for _, right := range backend {
		users = append(users, user("backend"+right, backendRights, "-"+right[1:]))
	}
	server := relaytest.StartRedis(t, users...)
	if err := newLogRig(t, server.URL()).InstallFunctions(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, right := range node {
		found := newLogRig(t, server.URLFor("node"+right, "hunter2")).Check(t.Context(), broker.Needs{AppID: "1"})
		if f := found[len(found)-2]; f.Grade != broker.Bad || !denied(f) {
			t.Errorf("a node without %s: %s %s", right, f.Grade, f.Text)
		}
	}
	for _, right := range backend {
		found := newLogRig(t, server.URLFor("backend"+right, "hunter2")).Check(t.Context(), broker.Needs{AppID: "1"})
		if f := found[len(found)-1]; f.Grade != broker.Note || !denied(f) {
			t.Errorf("a backend without %s: %s %s", right, f.Grade, f.Text)
		}
	}
}

// denied says whether Redis did not allow something, in a script or outside.
func denied(f broker.Finding) bool {
	return strings.Contains(f.Text, "NOPERM") || strings.Contains(f.Text, "can't run this command")
}

// With no more than its rights a node does all it does.
func TestANodeNeedsNoMoreThanItsRights(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, user("node", nodeRights))
	r := startRig(t, server.URLFor("node", "hunter2"), logChannels)
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	watched := func() bool { return server.Client().Exists(t.Context(), watchedKey).Val() == 1 }
	relaytest.Eventually(t, "the log is watched", watched)
	receipt, err := r.Publish(t.Context(), "1", append(events("a", "1", "2"), event("live", "3")))
	if err != nil || !receipt.Watched {
		t.Fatal(receipt, err)
	}
	page, err := r.ReadLog(t.Context(), "1", "a", first)
	if err != nil || len(page.Entries) != 2 {
		t.Errorf("%d entries (%v)", len(page.Entries), err)
	}
	r.publish("1", event("cache-a", "4"))
	if cached := r.readCaches(protocol.ChannelName{App: "1", Channel: "cache-a"}); cached[0].Event.Data != "4" {
		t.Errorf("cached %+v", cached)
	}
	r.AskCache("1", "cache-a")
	for r.told.next(t, "cached 1 cache-a e 4") != "cached 1 cache-a e 4" {
	}
	r.Unwatch("1", "a")
	relaytest.Eventually(t, "the log is not watched", func() bool { return !watched() })
}
