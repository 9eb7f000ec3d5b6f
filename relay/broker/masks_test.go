package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

const secret = "hunter2-hunter2"

func TestWhatOneNodeRegistersAnotherMasks(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	other := joinMaskRig(t, m, "redis://"+l.client.Options().Addr)
	seen := startMonitor(t, l)
	for _, channel := range []string{"a", "live"} {
		other.Watch("1", channel)
		other.expect("confirmed 1 " + channel)
		l.register(channel, secret, "correct-horse-battery")
		other.waitMasked(channel, true)
	}
	mine := []protocol.Event{event("live", "say "+secret), event("a", `{"text":"say `+secret+`"}`), event("b", "of others")}
	receipt, err := other.Publish(t.Context(), "1", mine)
	if err != nil {
		t.Fatal(err)
	}
	other.expect("event 1 live e say ***", fmt.Sprintf(`event 1 a e {"text":"say ***"} at %s after 0-0`, receipt.Positions[1]))
	if mine[0].Data != "say "+secret || receipt.Published[0].Data != "say ***" || receipt.Published[2].Data != "of others" {
		t.Errorf("%+v were published as %+v", mine, receipt.Published)
	}
	if diff := cmp.Diff([]string{`{"text":"say ***"}`}, other.inRedis("a")); diff != "" {
		t.Errorf("in Redis (-want +got):\n%s", diff)
	}
	l.publish("1", event("a", "now "+secret)) // the node that has registered it
	if got := l.inRedis("a"); got[1] != "now ***" {
		t.Errorf("in Redis: %q", got)
	}
	for line := range strings.SplitSeq(seen.said(), "\n") {
		if strings.Contains(line, secret) || strings.Contains(line, "correct-horse") {
			t.Errorf("Redis was told a value: %s", line)
		}
	}
	l.register("a")
	other.waitMasked("a", false)
	other.publish("1", event("a", "then "+secret))
	if got := l.inRedis("a"); got[2] != "then "+secret {
		t.Errorf("what is not masked any more: %q", got)
	}
}

func TestWhatIsRegisteredForTheAppIsMaskedOnAllItsChannels(t *testing.T) {
	t.Parallel()
	l := newMaskRig(t, newMasker(t))
	l.register("", secret)
	l.publish("1", event("a", secret+"/a"), event("b", secret+"/b"))
	l.publish("2", event("a", secret+"/2"))
	if got := append(l.inRedis("a"), l.inRedis("b")...); cmp.Diff([]string{"***/a", "***/b"}, got) != "" {
		t.Errorf("in Redis: %q", got)
	}
	if got := l.client.XRange(t.Context(), "buildrelay:{2:a}", "-", "+").Val(); len(got) != 1 || got[0].Values["d"] != secret+"/2" {
		t.Errorf("another app's: %v", got)
	}
}

// What somebody else appends is masked where it is shown. Its digests are over something else
// then, which is told as with a sealed entry.
func TestWhatABackendAppendsIsShownMasked(t *testing.T) {
	t.Parallel()
	l := newMaskRig(t, newMasker(t))
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	l.register("a", secret)
	one := l.mustAppend("e", "one "+secret)
	two := l.mustAppend("e", "two hunter2-")
	three := l.mustAppend("e", "hunter2 three", "", `{"final":true}`)
	l.expect(
		fmt.Sprintf("event 1 a e one *** at %s after 0-0 sealed", one),
		fmt.Sprintf("event 1 a e two hunter2- at %s after %s", two, one.ID),
		fmt.Sprintf("event 1 a e *** three at %s after %s sealed final", three, two.ID),
	)
	want := []string{"one ***", "two hunter2-", "*** three"}
	page := l.read(first)
	if diff := cmp.Diff(want, datas(page)); diff != "" || !page.Entries[0].Link.Sealed || page.Entries[1].Link.Sealed {
		t.Errorf("the history (-want +got):\n%s", diff)
	}
	// A page that begins between two parts shows the same.
	page = l.read(protocol.Start{Kind: protocol.StartSince, Since: two})
	if diff := cmp.Diff(want[2:], datas(page)); diff != "" || !page.Entries[0].Link.Sealed {
		t.Errorf("from the third on (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one " + secret, "two hunter2-", "hunter2 three"}, l.inRedis("a")); diff != "" {
		t.Errorf("in Redis (-want +got):\n%s", diff)
	}
}

func TestWhatIsPublishedByPUBLISHIsShownMasked(t *testing.T) {
	t.Parallel()
	l := newMaskRig(t, newMasker(t))
	l.Watch("1", "live")
	l.expect("confirmed 1 live")
	l.register("live", secret)
	for _, data := range []string{secret, "hunter2-", "hunter2", "x-hunter2"} {
		l.do("PUBLISH", "buildrelay:1:live", string(protocol.EncodePublished(events("live", data))))
	}
	l.do("PUBLISH", "buildrelay:1:live", `{"event":"client-x","data":"`+secret+`"}`)
	l.expect("event 1 live e ***", "event 1 live e hunter2-", "event 1 live e ***", "event 1 live e x-hunter2", "event 1 live client-x "+secret)
}

func TestTheLastEventOfACacheChannelIsMasked(t *testing.T) {
	t.Parallel()
	l := newMaskRig(t, newMasker(t))
	channel := protocol.ChannelName{App: "1", Channel: "cache-a"}
	l.client.Set(t.Context(), protocol.CacheKey("buildrelay", "1", "cache-a"), string(protocol.EncodePublished(events("cache-a", secret))), time.Hour)
	if got := l.readCaches(channel)[0].Event.Data; got != secret {
		t.Errorf("before: %q", got)
	}
	l.register("cache-a", secret)
	if got := l.readCaches(channel)[0].Event.Data; got != "***" {
		t.Errorf("%q", got)
	}
	l.publish("1", event("cache-a", "new "+secret))
	if kept := l.client.Get(t.Context(), protocol.CacheKey("buildrelay", "1", "cache-a")).Val(); !strings.Contains(kept, "new ***") {
		t.Errorf("Redis keeps %s", kept)
	}
}

func TestASealedLogIsMaskedAndSealed(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	m.mode.Store(auth.SealRequired)
	l := newMaskRig(t, m)
	l.register("a", secret)
	l.publish("1", event("a", "by HTTP "+secret))
	l.mustAppend("e", m.sealed(t, "1", "a", "e", "by a backend hunter2-"))
	l.mustAppend("e", m.sealed(t, "1", "a", "e", "hunter2"))
	if diff := cmp.Diff([]string{"by HTTP ***", "by a backend hunter2-", "***"}, datas(l.read(first))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if opened, err := m.OpenEntry("1", "a", "e", l.inRedis("a")[0]); err != nil || opened != "by HTTP ***" {
		t.Errorf("Redis has %q (%v)", opened, err)
	}
}

// A backend that has the keys may register by itself.
func TestABackendMayRegister(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	until := time.Now().Add(time.Hour).UnixMilli()
	l.mustMask("a", until, m.sealedMasks(t, "a", secret))
	l.waitMasked("a", true)
	l.publish("1", event("a", secret))
	l.mustMask("b", until, m.sealedMasks(t, "a", secret)) // what was sealed for another channel
	l.waitMasked("b", true)
	l.publish("1", event("b", secret))
	if got := append(l.inRedis("a"), l.inRedis("b")...); cmp.Diff([]string{"***", secret}, got) != "" || l.unreadableMasks() != 1 {
		t.Errorf("in Redis: %q; %v cannot be read", got, l.unreadableMasks())
	}
}

// Whoever can write to Redis, but has no key, cannot have the values shown as an event.
func TestARegistrationIsNoEvent(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	m.mode.Store(auth.SealRequired)
	l := newMaskRig(t, m)
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	sealed := m.sealedMasks(t, "a", secret)
	for _, name := range []string{"relay:masks", "e"} {
		_, _, _, _ = l.append(name, sealed)
		l.do("PUBLISH", "buildrelay:1:a", fmt.Sprintf(`{"event":%q,"data":%q}`, name, sealed))
	}
	l.do("XADD", key, "9-9", "e", "relay:masks", "d", sealed, "t", "1", "p", "0")
	l.publish("1", event("a", "the end"))
	for {
		told := l.told.next(t, "the end")
		if strings.Contains(told, secret) {
			t.Errorf("told %s", told)
		}
		if strings.Contains(told, "the end") {
			break
		}
	}
	if shown := strings.Join(l.walk(first), "\n"); strings.Contains(shown, secret) {
		t.Errorf("the log shows %s", shown)
	}
}

func TestARegistrationEnds(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	l.register("a", secret)
	m.forward.Store(int64(61 * time.Minute))
	l.publish("1", event("a", secret))
	if got := l.inRedis("a"); got[0] != secret {
		t.Errorf("in Redis: %q", got)
	}
}

func TestWithoutKeysNothingIsRegistered(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	m.Keys = nil
	l := newMaskRig(t, m)
	err := l.Mask(t.Context(), "1", "a", []string{secret}, time.Now().Add(time.Hour))
	if !errors.Is(err, protocol.ErrMaskKeys) || strings.Contains(err.Error(), secret) {
		t.Errorf("registering: %v", err)
	}
	if n := l.client.Exists(t.Context(), masksKey).Val(); n != 0 {
		t.Error("something was written")
	}
	l.publish("1", event("a", secret)) // goes on
}

func TestRegistrationsOutliveAChangeOfKeys(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	l.register("a", secret)
	old := m.set.Seals()
	m.change(t, (*seal.Keyset).Rotate)
	l.RereadMasks()
	l.publish("1", event("a", "one "+secret))
	m.change(t, func(k *seal.Keyset) (*seal.Keyset, error) { return k.Retire(old) })
	other := joinMaskRig(t, m, "redis://"+l.client.Options().Addr)
	other.publish("1", event("a", "two "+secret))
	if diff := cmp.Diff([]string{"one ***", "two " + secret}, l.inRedis("a")); diff != "" || other.unreadableMasks() != 1 {
		t.Errorf("%v cannot be read (-want +got):\n%s", other.unreadableMasks(), diff)
	}
	l.register("a", secret) // with the new key
	other.publishUntilMasked("a")
}

// publishUntilMasked publishes until what a node was told takes effect.
func (l *logRig) publishUntilMasked(channel string) {
	l.t.Helper()
	relaytest.Eventually(l.t, "what is published is masked", func() bool {
		l.publish("1", event(channel, secret))
		got := l.inRedis(channel)
		return got[len(got)-1] == "***"
	})
}

// Who does not know yet what is to be masked publishes and shows nothing.
func TestNothingIsPublishedOrShownBeforeItIsKnownWhatToMask(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newLogRig(t, relaytest.StartRedis(t).URL(), m.masks) // does not run
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Publish(ctx, "1", events("a", secret)); !errors.Is(err, protocol.ErrMasksUnread) {
		t.Errorf("publishing: %v", err)
	}
	if _, err := l.ReadLog(ctx, "1", "a", first); !errors.Is(err, protocol.ErrMasksUnread) {
		t.Errorf("reading: %v", err)
	}
	if _, err := l.ReadCaches(t.Context(), []protocol.ChannelName{{App: "1", Channel: "cache-a"}}); err != nil {
		t.Errorf("reading what is not there: %v", err)
	}
	l.client.Set(t.Context(), protocol.CacheKey("buildrelay", "1", "cache-a"), string(protocol.EncodePublished(events("cache-a", secret))), time.Hour)
	if _, err := l.ReadCaches(t.Context(), []protocol.ChannelName{{App: "1", Channel: "cache-a"}}); !errors.Is(err, protocol.ErrMasksUnread) {
		t.Errorf("reading a cache: %v", err)
	}
}

func TestMasksWorkInACluster(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	cluster := relaytest.StartRedisCluster(t)
	one, two := startRig(t, cluster.URL(), m.masks), startRig(t, cluster.URL(), m.masks)
	for _, app := range []string{"1", "2"} {
		if err := one.Mask(t.Context(), app, "a", []string{secret}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		relaytest.Eventually(t, "the other node knows", func() bool { return two.Masked(app, "a") })
		two.Watch(app, "a")
		two.expect("confirmed " + app + " a")
		two.publish(app, event("a", secret))
		two.expect("event " + app + " a e ***")
	}
}

// A Redis user may have fewer rights than masking needs: live channels go on.
func TestWhoMayNotReadWhatIsRegisteredServesAllTheSame(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, user("live", "+subscribe +unsubscribe +publish"))
	r := startRig(t, server.URLFor("live", "hunter2"), newMasker(t).masks)
	r.expectLog("level=ERROR", "does not let this node read what is registered to be masked")
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	r.publish("1", event("a", secret))
	r.expect("event 1 a e " + secret)
	if err := r.Mask(t.Context(), "1", "a", []string{secret}, time.Now().Add(time.Hour)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("registering: %v", err)
	}
}
