package broker_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/masks"
	"buildrelay/relay/relaytest"
)

// between does something between a comparison and the reading that follows, once.
type between struct {
	broker.Masks
	do atomic.Pointer[func()]
}

func (b *between) Load(appID string, read func() ([]masks.Stored, error)) error {
	if do := b.do.Load(); appID == "1" && do != nil && b.do.CompareAndSwap(do, nil) {
		(*do)()
	}
	return b.Masks.Load(appID, read)
}

// What was compared when nothing was registered takes back nothing.
func TestWhatIsRegisteredWhileItIsComparedStays(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	b := &between{}
	l := newLogRig(t, relaytest.StartRedis(t).URL(), m.masks, func(c *broker.Config) { b.Masks, c.Masks = c.Masks, b })
	l.start().waitReady()
	l.reread(m)
	for _, channel := range []string{"a", "b"} {
		do := func() { l.register(channel, secret) }
		b.do.Store(&do)
		if l.reread(m); b.do.Swap(nil) != nil {
			do() // there was nothing to read
		}
		if l.reread(m); !l.Masked("1", channel) {
			t.Errorf("what was registered on %s is forgotten", channel)
		}
	}
}

// A version that is none is not believed, and stops neither its app nor others.
func TestAVersionThatIsNoneStopsNobody(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	l.register("live", secret)
	field := l.client.HGet(t.Context(), masksKey, "live").Val()
	for _, version := range []string{"abc", "", "inf", "-1", "1e3", "9223372036854775807"} {
		l.do("HSET", masksKey, "#v", version, "of "+version, field)
		l.do("HSET", "buildrelay:{2}:masks", "#v", version)
		links := l.links()
		l.do("CLIENT", "KILL", "TYPE", "pubsub")
		relaytest.Eventually(t, "there is another link", func() bool { return l.links() > links })
		l.reread(m)
		l.expectLog("level=ERROR", "no number as the version")
		if !l.Masked("1", "live") {
			t.Errorf("%q: what is known is forgotten", version)
		}
		l.publish("2", event("live", "of another app"))
	}
	other := joinMaskRig(t, m, "redis://"+l.client.Options().Addr)
	if !other.Masked("1", "live") {
		t.Error("what can be read is not read")
	}
}

// Who may read the version, but not what is registered, goes on with what it heard.
func TestWhatIsKnownStaysWhereItCannotBeReadAgain(t *testing.T) {
	t.Parallel()
	for _, right := range []string{"-hkeys", "-hmget", "-hget"} {
		m := newMasker(t)
		server := relaytest.StartRedis(t, user("half", "+@all "+right))
		full := joinMaskRig(t, newMaskerOf(m), server.URL())
		l := joinMaskRig(t, m, server.URLFor("half", "hunter2"))
		full.register("a", secret)
		l.waitMasked("a", true)
		if l.reread(m); !l.Masked("1", "a") {
			t.Errorf("%s: what was heard is forgotten", right)
		}
		if right != "-hmget" { // there was nothing to ask it for
			l.expectLog("level=ERROR", "does not let this node read what is registered")
		}
	}
}

// newMaskerOf is one with the same keys.
func newMaskerOf(m *masker) *masker { return &masker{vault: m.vault} }

// Apps whose masks a master has that is away wait for it, and no others.
func TestWhileAMasterIsAwayTheAppsOfOthersGoOn(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	apps := func(c *broker.Config) { c.Apps = func() []string { return []string{"1", "3"} } }
	cluster := relaytest.StartRedisCluster(t, relaytest.ClusterNodes(relaytest.RedisSettings("cluster-require-full-coverage no")))
	victim, survivor := cluster.MasterOf("buildrelay:{1}:masks"), cluster.MasterOf("buildrelay:{3}:masks")
	old := startRig(t, cluster.URL(), m.masks, apps)
	old.Watch("1", "live")
	old.expect("confirmed 1 live")
	if err := old.Mask(t.Context(), "1", "live", []string{secret}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	victim.Kill()
	fresh := newRig(t, cluster.URL(), m.masks, apps).start()
	links := old.links()
	for _, node := range cluster.Masters() {
		if node != victim {
			node.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub")
		}
	}
	relaytest.Eventually(t, "there is another link", func() bool { return old.links() > links })
	old.expect("interrupted", "confirmed 1 live")
	if !old.Masked("1", "live") {
		t.Error("what is known is forgotten")
	}
	fresh.Watch("3", "live")
	fresh.Watch("1", "live")
	fresh.expectAll("confirmed 3 live", "confirmed 1 live")
	publish := func(app, data string) {
		t.Helper()
		if err := survivor.Client().Publish(t.Context(), "buildrelay:"+app+":live", string(protocol.EncodePublished(events("live", data)))).Err(); err != nil {
			t.Fatal(err)
		}
	}
	publish("1", secret)
	publish("3", "of an app that goes on")
	old.expect("event 1 live e ***")
	fresh.expect("event 3 live e of an app that goes on")
	if fresh.dropped("masks_unread") != 1 {
		t.Error("an event was not dropped of which nobody knows what to mask")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fresh.Publish(ctx, "1", events("live", secret)); !errors.Is(err, protocol.ErrMasksUnread) || strings.Contains(err.Error(), secret) {
		t.Errorf("publishing: %v", err)
	}
}
