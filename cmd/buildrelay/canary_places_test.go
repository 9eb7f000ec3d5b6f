package main_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"buildrelay/relay/relaytest"
)

// monitor writes down all that Redis is told until the test ends.
func (r *canaryRun) monitor() {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.redis.Address())
	if err != nil {
		r.t.Fatal(err)
	}
	var reading sync.WaitGroup
	r.t.Cleanup(func() {
		conn.Close()
		reading.Wait()
	})
	if _, err := io.WriteString(conn, "MONITOR\r\n"); err != nil {
		r.t.Fatal(err)
	}
	reading.Go(func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buffer)
			r.Saw("what is sent in Redis", string(buffer[:n]))
			if err != nil {
				return
			}
		}
	})
}

// lookAtOperators reads all that the listener for operators has.
func (r *canaryRun) lookAtOperators() {
	for _, path := range []string{
		"/metrics", "/usage", "/healthz", "/readyz", "/keys", "/check", "/audit", "/audit/export.csv", "/audit/export.ndjson", "/debug/goroutines",
		"/debug/pprof/", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/allocs?debug=1", "/debug/pprof/cmdline",
		"/debug/pprof/trace?seconds=0.1", "/debug/vars",
	} {
		r.Saw("what operators are shown", r.operate(r.token, path))
	}
	r.Eventually("the trail is there", func() bool {
		text := r.operate(r.token, "/audit/export.csv")
		r.Saw("what operators are shown", text)
		return strings.Contains(text, "relay.subscription.deny") && strings.Contains(text, "relay.audit.refuse")
	})
}

// lookAtProcess reads what other users of the machine can see of the process, where /proc
// shows it.
func (r *canaryRun) lookAtProcess() {
	r.t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	for _, name := range []string{"cmdline", "comm", "status", "limits"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", r.PID(), name))
		if err != nil {
			r.t.Fatal(err)
		}
		r.Saw("the process list", string(text))
	}
}

// lookAtRedis reads all that Redis keeps, of the relay and of who talked to it.
func (r *canaryRun) lookAtRedis() {
	r.t.Helper()
	client := r.redis.Client()
	keys := client.Keys(r.t.Context(), "*").Val()
	for _, key := range keys {
		kind := client.Type(r.t.Context(), key).Val()
		if kind == "none" { // it ended meanwhile
			continue
		}
		read := map[string][]any{
			"string": {"GET", key}, "hash": {"HGETALL", key}, "set": {"SMEMBERS", key}, "zset": {"ZRANGE", key, 0, -1}, "stream": {"XRANGE", key, "-", "+"},
		}[kind]
		if read == nil {
			r.t.Fatalf("nobody reads %s, a %s", key, kind)
		}
		r.Saw("what Redis keeps", key, fmt.Sprint(client.Do(r.t.Context(), read...).Val()))
	}
	for _, command := range [][]any{{"SLOWLOG", "GET", -1}, {"CLIENT", "LIST"}, {"ACL", "LOG"}, {"INFO", "everything"}} {
		// What a command publishes stands in the log of slow commands, as it was sent.
		r.Saw("what is sent in Redis", fmt.Sprint(client.Do(r.t.Context(), command...).Val()))
	}
	log := relaytest.RedisClient(r.t, r.redis.URL()).XRange(r.t.Context(), "buildrelay:{3:private-build-1}", "-", "+").Val()
	if len(log) == 0 {
		r.t.Error("the log is not in Redis, where its lines are looked for")
	}
}

func (r *canaryRun) lookAtLog() { r.Saw("the log", r.LogOfAll()...) }

// lookAtFiles reads what the node has written, but for the key that is one of the secrets.
func (r *canaryRun) lookAtFiles() {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "audit.key" {
			return err
		}
		text, err := os.ReadFile(path)
		r.Saw("the data folder", string(text))
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
}
