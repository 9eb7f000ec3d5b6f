package broker_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// eachRedis runs a test with a real Redis and with the built-in one: the scripts must
// do the same on both.
func eachRedis(t *testing.T, test func(t *testing.T, l *logRig)) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		test(t, newLogRig(t, relaytest.StartRedis(t).URL()))
	})
	t.Run("built-in Redis", func(t *testing.T) {
		t.Parallel()
		server, err := broker.StartEmbedded()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		l := newLogRig(t, string(server.URL()))
		l.builtIn = true
		test(t, l)
	})
}

// logRig is a broker that does not run, whose channels are all log channels, beside a
// backend and a stranger that use the same Redis.
type logRig struct {
	*rig
	client  *redis.Client
	rule    protocol.LogRule
	builtIn bool
}

func newLogRig(t testing.TB, url string, changes ...func(*broker.Config)) *logRig {
	t.Helper()
	l := &logRig{rule: protocol.NewLogRule("*")}
	isLog := func(c *broker.Config) {
		c.LogRule = func(string, string) *protocol.LogRule { return &l.rule }
	}
	l.rig = newRig(t, url, append([]func(*broker.Config){isLog}, changes...)...)
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	l.client = redis.NewClient(options)
	t.Cleanup(func() { _ = l.client.Close() })
	return l
}

// key is the name of the log that tests use.
const key = "buildrelay:{1:a}"

var appendScript = broker.AppendScript()

// append calls the script as a backend does. Errors are answered as their texts.
func (l *logRig) append(args ...any) (position string, duplicate, watched bool, err error) {
	l.t.Helper()
	reply, err := l.client.Eval(l.t.Context(), appendScript, []string{key}, args...).Slice()
	if err != nil {
		return "", false, false, err
	}
	return reply[0].(string), reply[1] == int64(1), reply[2] == int64(1), nil
}

// mustAppend appends an event and returns its position.
func (l *logRig) mustAppend(args ...any) protocol.Position {
	l.t.Helper()
	text, _, _, err := l.append(args...)
	if err != nil {
		l.t.Fatalf("appending %q: %v", args, err)
	}
	at, err := protocol.ParsePosition(text)
	if err != nil {
		l.t.Fatal(err)
	}
	return at
}

// fill appends events called e with the numbers from 1 to n as their data.
func (l *logRig) fill(n int) (at []protocol.Position) {
	l.t.Helper()
	for i := range n {
		at = append(at, l.mustAppend("e", strconv.Itoa(i+1)))
	}
	return at
}

func (l *logRig) read(start protocol.Start) protocol.Page {
	l.t.Helper()
	page, err := l.ReadLog(l.t.Context(), "1", "a", start)
	if err != nil {
		l.t.Fatal(err)
	}
	return page
}

// do carries out a command of a stranger's.
func (l *logRig) do(args ...any) any {
	l.t.Helper()
	reply, err := l.client.Do(l.t.Context(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		l.t.Fatalf("%q: %v", args, err)
	}
	return reply
}

// chain computes positions and digests in Go, as docs/PROTOCOL.md defines them.
type chain struct {
	epoch, digest string
	offset        uint64
}

func (c *chain) next(event, data string) protocol.Position {
	if c.digest == "" {
		c.digest = c.epoch
	}
	c.offset++
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d %d %s%s", c.digest, c.offset, len(event), event, data))
	c.digest = hex.EncodeToString(sum[:])
	nonce, _ := strconv.ParseUint(c.digest[:8], 16, 32)
	return protocol.Position{Epoch: c.epoch, ID: protocol.ID{Offset: c.offset, Nonce: uint32(nonce)}}
}

// datas are the data of a page's entries.
func datas(p protocol.Page) []string {
	var all []string
	for _, e := range p.Entries {
		all = append(all, e.Data)
	}
	return all
}

// numbers are those from one to another, as texts.
func numbers(from, to int) []string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

// now is the time of the server, as its entries have it.
func (l *logRig) now() int64 {
	l.t.Helper()
	at, err := l.client.Time(l.t.Context()).Result()
	if err != nil {
		l.t.Fatal(err)
	}
	return at.Truncate(time.Millisecond).UnixMilli()
}
