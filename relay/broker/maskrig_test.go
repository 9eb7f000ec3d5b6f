package broker_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/masks"
	"buildrelay/relay/relaytest"
)

// masker is what brokers of these tests mask by: keys, rules and a clock.
type masker struct {
	*vault
	rules   protocol.MaskRules
	forward atomic.Int64 // how much later than now it is, in ns
	passes  atomic.Int64 // how often it began to be compared what is registered
}

func newMasker(t testing.TB) *masker {
	t.Helper()
	return &masker{vault: newVault(t, auth.SealOff)}
}

func (m *masker) now() time.Time { return time.Now().Add(time.Duration(m.forward.Load())) }

// masks makes a broker mask for the apps 1 and 2.
func (m *masker) masks(c *broker.Config) {
	m.seals(c)
	c.Apps = func() []string {
		m.passes.Add(1)
		return []string{"1", "2"}
	}
	c.Masks = masks.New(masks.Config{
		Rules: func(string) protocol.MaskRules { return m.rules },
		Open: func(appID, channel, sealed string) ([]string, error) {
			return broker.OpenMasks(m.Keys, appID, channel, sealed)
		},
		Now: m.now, Metrics: c.Metrics.Masking, Log: c.Log,
	})
}

// sealedMasks is what a backend that has the keys registers.
func (m *masker) sealedMasks(t testing.TB, channel string, values ...string) string {
	t.Helper()
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return m.sealed(t, "1", channel, "relay:masks", string(text))
}

// newMaskRig is a log rig of its own Redis whose broker masks, and runs. Channels that begin
// with live are live.
func newMaskRig(t testing.TB, m *masker) *logRig {
	t.Helper()
	return joinMaskRig(t, m, relaytest.StartRedis(t).URL())
}

// joinMaskRig is another node.
func joinMaskRig(t testing.TB, m *masker, url string) *logRig {
	t.Helper()
	l := newLogRig(t, url, m.masks, func(c *broker.Config) {
		rule := c.LogRule
		c.LogRule = func(appID, channel string) *protocol.LogRule {
			if protocol.Matches("live*", channel) || protocol.KindOf(channel).Cache() {
				return nil
			}
			return rule(appID, channel)
		}
	})
	l.start().waitReady()
	return l
}

// reread has what is registered compared with Redis once more, and waits until that is done.
func (l *logRig) reread(m *masker) {
	l.t.Helper()
	for range 2 { // when another pass begins the one before is over
		before := m.passes.Load()
		l.RereadMasks()
		relaytest.Eventually(l.t, "it is compared what is registered", func() bool { return m.passes.Load() > before })
	}
}

// register registers values for app 1.
func (l *logRig) register(channel string, values ...string) {
	l.t.Helper()
	if err := l.Mask(l.t.Context(), "1", channel, values, time.Now().Add(time.Hour)); err != nil {
		l.t.Fatal(err)
	}
}

// waitMasked waits until something is masked on a channel, or nothing.
func (l *logRig) waitMasked(channel string, want bool) {
	l.t.Helper()
	relaytest.Eventually(l.t, "what is masked is known", func() bool { return l.Masked("1", channel) == want })
}

func (l *logRig) unreadableMasks() float64 { return testutil.ToFloat64(l.metrics.MasksUnreadable) }

// tail is the newest of the data of an app's log, without the broker.
func (l *logRig) inRedis(channel string) (all []string) {
	l.t.Helper()
	for _, entry := range l.client.XRange(context.Background(), "buildrelay:{1:"+channel+"}", "-", "+").Val() {
		all = append(all, entry.Values["d"].(string))
	}
	return all
}
