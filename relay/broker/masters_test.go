package broker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// allLogs makes every channel whose name begins with l a log channel, with the rule.
func allLogs(rule protocol.LogRule) func(*broker.Config) {
	return func(c *broker.Config) {
		c.LogRule = func(_, channel string) *protocol.LogRule {
			if channel[0] == 'l' {
				return &rule
			}
			return nil
		}
	}
}

// In a Cluster a node does with one call and one connection what it does with one server.
func TestInAClusterANodeHearsAndKeepsWhatAllMastersHave(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	r := startRig(t, cluster.URL(), allLogs(protocol.NewLogRule("*")))
	var all []protocol.Event
	var live, logs, caches, want []string
	for i := range 30 {
		live, logs, caches = append(live, fmt.Sprintf("a%d", i)), append(logs, fmt.Sprintf("l%d", i)), append(caches, fmt.Sprintf("cache-%d", i))
	}
	for _, channels := range [][]string{live, logs, caches} {
		for _, channel := range channels {
			r.Watch("1", channel)
			want = append(want, "confirmed 1 "+channel)
		}
	}
	r.expectAll(want...)

	for i := range live {
		all = append(all, event(live[i], "1"), event(logs[i], "2"), event(caches[i], "3"))
	}
	receipt, err := r.Publish(t.Context(), "1", all)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range receipt.Positions {
		if isLog := i%3 == 1; isLog != (at.ID.Offset == 1) {
			t.Errorf("event %d is at %s", i, at)
		}
	}
	heard := map[string]bool{}
	for range all {
		heard[r.told.next(t, "an event")] = true
	}
	if len(heard) != len(all) {
		t.Errorf("%d events of %d were heard", len(heard), len(all))
	}

	tops, err := r.LogTops(t.Context(), names(logs))
	if err != nil {
		t.Fatal(err)
	}
	for i, top := range tops {
		if top.At != receipt.Positions[3*i+1] {
			t.Errorf("the log of %s ends at %s", logs[i], top.At)
		}
	}
	kept, err := r.ReadCaches(t.Context(), names(caches))
	if err != nil {
		t.Fatal(err)
	}
	for i, cached := range kept {
		if cached.Event.Data != "3" {
			t.Errorf("the last event of %s is %+v", caches[i], cached)
		}
	}
	for _, channel := range caches {
		r.AskCache("1", channel)
	}
	for range caches {
		r.told.next(t, "cached 1 …")
	}
}

func names(channels []string) (all []protocol.ChannelName) {
	for _, channel := range channels {
		all = append(all, protocol.ChannelName{App: "1", Channel: channel})
	}
	return all
}

// While a slot is on its way nobody sees half of a log, and who appends waits.
func TestALogWhoseSlotMovesIsAppendedToAsIfNothingWere(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	r := startRig(t, cluster.URL(), allLogs(protocol.NewLogRule("*")))
	r.Watch("1", "log")
	r.expect("confirmed 1 log")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var appending sync.WaitGroup
	var appended atomic.Int64
	publishing := t.Context()
	appending.Go(func() {
		for ; ctx.Err() == nil; appended.Add(1) {
			e := event("log", fmt.Sprint(appended.Load()))
			e.ID = e.Data
			for tries := 0; ; tries++ {
				if _, err := r.Publish(publishing, "1", []protocol.Event{e}); err == nil {
					break
				} else if tries == 10 {
					t.Errorf("appending: %v", err)
					return
				}
			}
		}
	})
	for range 3 {
		before := appended.Load()
		relaytest.Eventually(t, "some are appended", func() bool { return appended.Load() >= before+10 })
		cluster.MoveInSteps(cluster.Slot("buildrelay:{1:log}"), func() {})
		cluster.AwaitWhole()
	}
	stop()
	appending.Wait()
	page, err := r.ReadLog(t.Context(), "1", "log", protocol.Start{Kind: protocol.StartFirst})
	if err != nil {
		t.Fatal(err)
	}
	got, want := datas(page), []string(nil)
	for i := range min(int(appended.Load()), len(got)) {
		want = append(want, fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 20 {
		t.Errorf("of %d (- want, + got):\n%s", appended.Load(), diff)
	}
}

// What only a demoted master was told is gone: the link is made anew with the new one.
func TestANodeFollowsTheMasterThatSentinelsName(t *testing.T) {
	t.Parallel()
	redis := relaytest.StartRedisSentinel(t)
	r := startRig(t, redis.URL(), allLogs(protocol.NewLogRule("*")))
	r.Watch("1", "log")
	r.expect("confirmed 1 log")
	for _, failOver := range []func(){func() { redis.FailOver() }, func() { redis.Master().Kill(); redis.AwaitPromotion() }} {
		failOver()
		r.expect("interrupted", "confirmed 1 log")
		r.waitReady()
		var err error
		relaytest.Eventually(t, "events can be published", func() bool {
			_, err = r.Publish(t.Context(), "1", []protocol.Event{event("log", "1")})
			return err == nil
		})
		for !isEvent(r.told.next(t, "the event")) {
		}
	}
}

func isEvent(told string) bool { return len(told) > 6 && told[:6] == "event " }

// Publishers are told that an event is kept once a replica has it, and find out by the
// same id whether it has it by now.
func TestWhoPublishesByADurableRuleWaitsForAReplica(t *testing.T) {
	t.Parallel()
	redis := relaytest.StartRedisSentinel(t)
	rule := protocol.NewLogRule("*")
	rule.Replicas = 1
	r := startRig(t, redis.URL(), allLogs(rule))
	e := event("log", "1")
	e.ID = "x"
	publish := func() error {
		_, err := r.Publish(t.Context(), "1", []protocol.Event{e})
		return err
	}
	relaytest.Eventually(t, "a replica has it", func() bool { return publish() == nil })
	e.ID = "y"
	redis.Replica().Freeze()
	for range 2 {
		if err := publish(); !errors.Is(err, protocol.ErrNotReplicated) {
			t.Errorf("without a replica: %v", err)
		}
	}
	redis.Replica().Thaw()
	relaytest.Eventually(t, "the replica has it", func() bool { return publish() == nil })
	if top, err := r.LogTops(t.Context(), names([]string{"log"})); err != nil || top[0].At.ID.Offset != 2 {
		t.Errorf("the log ends at %v, %v", top, err)
	}
}
