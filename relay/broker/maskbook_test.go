package broker_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

func TestWhatIsRegisteredWhileALinkIsDownIsReadByTheNext(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	server := relaytest.StartRedis(t)
	l := joinMaskRig(t, m, server.URL())
	until := time.Now().Add(time.Hour).UnixMilli()
	l.mustMask("before", until, m.sealedMasks(t, "before", secret))
	l.waitMasked("before", true)
	links := l.links()
	sealed := m.sealedMasks(t, "a", secret)
	l.do("CLIENT", "KILL", "TYPE", "pubsub")
	l.mustMask("a", until, sealed)
	l.mustMask("before", 0, "")
	relaytest.Eventually(t, "there is another link", func() bool { return l.links() > links })
	l.waitMasked("a", true)
	l.waitMasked("before", false)
	l.publish("1", event("a", secret))
	if got := l.inRedis("a"); got[0] != "***" {
		t.Errorf("in Redis: %q", got)
	}
}

// Redis is not believed: a node reads again what differs.
func TestWhatWasNotHeardIsReadAgain(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	l.register("a", secret)
	until := time.Now().Add(time.Hour).UnixMilli()
	value := fmt.Sprintf(`{"until":%d,"v":7,"sealed":"%s"}`, until, m.sealedMasks(t, "b", secret))
	l.do("HSET", masksKey, "b", value, "bad", "x", "worse", `{"v":-1}`)
	l.do("HSET", masksKey, "a", fmt.Sprintf(`{"until":%d,"v":%d,"sealed":""}`, until, time.Now().Add(time.Hour).UnixMilli()))
	l.RereadMasks()
	l.waitMasked("b", true)
	l.waitMasked("a", false)
	if l.bad("entry") < 2 {
		t.Errorf("%v bad ones were counted", l.bad("entry"))
	}
	l.do("DEL", masksKey)
	l.do("SET", masksKey, "of somebody else")
	l.RereadMasks()
	l.expectLog("level=ERROR", "Redis lost what was registered to be masked")
	if !l.Masked("1", "b") {
		t.Error("what was registered is forgotten")
	}
	other := joinMaskRig(t, m, "redis://"+l.client.Options().Addr)
	other.expectLog("what Redis has under the name of what an app wants masked is something else")
	if err := l.Mask(t.Context(), "1", "a", []string{secret}, time.Now().Add(time.Hour)); err == nil {
		t.Error("something was registered there")
	}
}

// An app that is new in the apps file may have something registered.
func TestWhatIsRegisteredForAnAppThatComesLaterIsReadBeforeItPublishes(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	server := relaytest.StartRedis(t)
	joinMaskRig(t, m, server.URL()).register("a", secret)
	var there atomic.Bool
	r := startRig(t, server.URL(), m.masks, func(c *broker.Config) {
		c.Apps = func() []string {
			if there.Load() {
				return []string{"2", "1"}
			}
			return []string{"2"}
		}
	})
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	there.Store(true)
	r.publish("1", event("a", secret))
	r.expect("event 1 a e ***")
}

// Nobody has taken it back.
func TestWhatRedisLosesIsMaskedUntilItEnds(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	l.register("a", secret)
	l.register("b", secret)
	links := l.links()
	l.do("FLUSHALL")
	l.do("CLIENT", "KILL", "TYPE", "pubsub")
	relaytest.Eventually(t, "there is another link", func() bool { return l.links() > links })
	l.expectLog("level=ERROR", "Redis lost what was registered to be masked")
	l.publish("1", event("a", secret))
	if got := l.inRedis("a"); got[0] != "***" {
		t.Errorf("in Redis: %q", got)
	}
	l.register("a", secret+"-new")
	l.publish("1", event("a", secret+"-new"))
	if got := l.inRedis("a"); got[1] != "***" {
		t.Errorf("what is registered anew: %q", got)
	}
	if l.reread(m); !l.Masked("1", "b") {
		t.Error("what nobody took back is forgotten, as something else was registered anew")
	}
}
