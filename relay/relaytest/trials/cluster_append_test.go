package trials_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// Backends append with clients of their own, which ask the new master of a slot for what
// the old one has not any more, while the slot is on its way. Whatever part of a log has
// been moved by then, nothing may make a new log of the other part.
func TestLogOutlivesAppendsWhileItsSlotIsMoved(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	for name, carried := range map[string][]string{
		"stream":                   {""},
		"meta":                     {":meta"},
		"id":                       {":id:2"},
		"stream and meta":          {"", ":meta"},
		"stream and id":            {"", ":id:2"},
		"meta and id":              {":meta", ":id:2"},
		"stream, meta and id":      {"", ":meta", ":id:2"},
		"stream, meta and watched": {"", ":meta", ":watched"},
		"nothing":                  nil,
	} {
		for _, way := range []string{"script", "function"} {
			l := &clusterLog{t: t, cluster: cluster, way: way}
			l.key = fmt.Sprintf("buildrelay:{3:private-%s-%s}", strings.NewReplacer(" ", "-", ",", "").Replace(name), way)
			l.outlives(name+" by "+way, carried)
		}
	}
}

// clusterLog is a log to which a backend appends.
type clusterLog struct {
	t        *testing.T
	cluster  *relaytest.RedisCluster
	key, way string
}

// outlives moves the log's slot in two steps, the first of which carries some of its keys.
func (l *clusterLog) outlives(name string, carried []string) {
	l.t.Helper()
	l.loadFunction()
	if err := l.cluster.Client().Set(l.t.Context(), l.key+":watched", "", time.Hour).Err(); err != nil {
		l.t.Fatal(err)
	}
	var want []string
	for _, id := range []string{"1", "2"} {
		want = append(want, l.mustAppend(id))
	}
	move := l.cluster.BeginMove(l.cluster.Slot(l.key), l.otherMaster())
	for _, suffix := range carried {
		move.Carry(l.key + suffix)
	}
	if at, err := l.append("2"); err == nil && at != want[1] {
		l.t.Errorf("%s carried: an event that was appended before is at %s, and was at %s", name, at, want[1])
	}
	at, err := l.append("3")
	move.Finish()
	if err != nil {
		l.t.Logf("%s carried: %v", name, err)
		at = l.mustAppend("3")
	}
	want = append(want, at, l.mustAppend("4"))
	l.compare(name, want)
}

// compare looks whether the log is one, and has each event once.
func (l *clusterLog) compare(name string, want []string) {
	l.t.Helper()
	epoch, _, _ := strings.Cut(want[0], ":")
	entries, err := l.cluster.Client().XRange(l.t.Context(), l.key, "-", "+").Result()
	if err != nil {
		l.t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, epoch+":"+entry.ID)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		l.t.Errorf("%s carried: the log has\n%s, and what was acknowledged is at\n%s",
			name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (l *clusterLog) otherMaster() *relaytest.Redis {
	l.t.Helper()
	has := l.cluster.MasterOf(l.key)
	for _, master := range l.cluster.Masters() {
		if master != has {
			return master
		}
	}
	l.t.Fatal("there is one master")
	return nil
}

func (l *clusterLog) loadFunction() {
	l.t.Helper()
	for _, master := range l.cluster.Masters() {
		if err := master.Client().FunctionLoadReplace(l.t.Context(), broker.AppendLibrary()).Err(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// mustAppend appends, by as many tries as it takes.
func (l *clusterLog) mustAppend(id string) (at string) {
	l.t.Helper()
	relaytest.Eventually(l.t, "event "+id+" is appended", func() bool {
		var err error
		at, err = l.append(id)
		return err == nil
	})
	return at
}

func (l *clusterLog) append(id string) (at string, err error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
	defer cancel()
	client, keys, args := l.cluster.Client(), []string{l.key}, []any{"line", "text " + id, id}
	call := func() ([]any, error) { return client.Eval(ctx, broker.AppendScript(), keys, args...).Slice() }
	if l.way == "function" {
		call = func() ([]any, error) { return client.FCall(ctx, "buildrelay_append", keys, args...).Slice() }
	}
	values, err := call()
	if err != nil {
		return "", err
	}
	at, ok := values[0].(string)
	if !ok {
		return "", errors.New("the answer has no position")
	}
	return at, nil
}
