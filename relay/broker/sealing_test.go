package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

func TestWhatASealedLogHasIsShownOpened(t *testing.T) {
	t.Parallel()
	v := newVault(t, auth.SealRequired)
	l := newLogRig(t, relaytest.StartRedis(t).URL(), v.seals)
	l.start().waitReady()
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	receipt, err := l.Publish(t.Context(), "1", []protocol.Event{
		{Name: "e", Channel: "a", Data: `{"n":1}`, ID: "x", Exclude: "1.2"},
		{Name: "e", Channel: "a", Data: ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	one, two := receipt.Positions[0], receipt.Positions[1]
	three := l.mustAppend("e", v.sealed(t, "1", "a", "e", "by a backend \x00ü"), "", `{"final":true}`)
	l.expect(
		fmt.Sprintf(`event 1 a e {"n":1} not to 1.2 at %s after 0-0 sealed`, one),
		fmt.Sprintf("event 1 a e  at %s after %s sealed", two, one.ID),
		fmt.Sprintf("event 1 a e by a backend \x00ü at %s after %s sealed final", three, two.ID),
	)
	page := l.read(first)
	if diff := cmp.Diff([]string{`{"n":1}`, "", "by a backend \x00ü"}, datas(page)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for _, e := range page.Entries {
		if !e.Link.Sealed {
			t.Errorf("%s is not marked as sealed", e.Link.At)
		}
	}
	if page.Gap() != nil || page.Bad != 0 || l.bad("entry") != 0 {
		t.Errorf("something is bad: %+v", page)
	}
}

// The script remembers the ids that publishers give, and no others: that would cost a key for
// each event.
func TestSealingLeavesIDsAsTheyAre(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *logRig, _ *vault) {
		for range 2 { // the second time as after a lost answer, with other envelopes
			events := []protocol.Event{{Name: "e", Channel: "a", Data: "1", ID: "x"}, {Name: "e", Channel: "a", Data: "2"}}
			if _, err := l.Publish(t.Context(), "1", events); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"1", "2", "2"}, datas(l.read(first))); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		if known := l.client.Keys(t.Context(), key+":id:*").Val(); len(known) != 1 || known[0] != key+":id:x" {
			t.Errorf("ids are remembered by %q", known)
		}
		_, err := l.Publish(t.Context(), "1", []protocol.Event{{Name: "e", Channel: "a", Data: "3", ID: "x\x00y"}})
		if invalid := new(protocol.Error); !errors.As(err, &invalid) {
			t.Errorf("an id that cannot be sealed: %v", err)
		}
	})
}

// eachSealed is eachRedis with a log that is sealed.
func eachSealed(t *testing.T, test func(t *testing.T, l *logRig, v *vault)) {
	t.Helper()
	eachRedis(t, func(t *testing.T, l *logRig) {
		v := newVault(t, auth.SealRequired)
		test(t, newLogRig(t, "redis://"+l.client.Options().Addr, v.seals), v)
	})
}

// What the script would refuse is refused before anything of a call is written.
func TestWhatIsTooLargeOnceItIsSealedIsRefused(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *logRig, _ *vault) {
		_, err := l.Publish(t.Context(), "1", events("a", "small", strings.Repeat("x", protocol.MaxRedisData)))
		invalid := new(protocol.Error)
		if !errors.As(err, &invalid) || !invalid.TooLarge {
			t.Fatalf("got %v", err)
		}
		if keys := l.client.Keys(t.Context(), "*{1:*").Val(); len(keys) > 0 {
			t.Errorf("it wrote %q", keys)
		}
		_, told, _ := strings.Cut(invalid.Message, "(")
		var most int
		if _, err := fmt.Sscan(told, &most); err != nil || most < 90<<10 {
			t.Fatalf("%q tells no limit (%v)", invalid.Message, err)
		}
		if _, err := l.Publish(t.Context(), "1", events("a", strings.Repeat("x", most))); err != nil {
			t.Errorf("as much as it says that there may be: %v", err)
		}
		if _, err := l.Publish(t.Context(), "1", events("a", strings.Repeat("x", most+1))); !errors.As(err, &invalid) {
			t.Errorf("a byte more: %v", err)
		}
		if page := l.read(first); len(page.Entries) != 1 || len(page.Entries[0].Data) != most {
			t.Errorf("the log has %d entries", len(page.Entries))
		}
	})
}

func TestWithoutKeysNothingIsPublishedToASealedLog(t *testing.T) {
	eachRedis(t, func(t *testing.T, plain *logRig) {
		v := newVault(t, auth.SealRequired)
		l := newLogRig(t, "redis://"+plain.client.Options().Addr, v.seals, func(c *broker.Config) { c.Keys = nil })
		if _, err := l.Publish(t.Context(), "1", events("a", "1")); !errors.Is(err, seal.ErrNoKeys) {
			t.Errorf("publishing: %v", err)
		}
		l.mustAppend("e", v.sealed(t, "1", "a", "e", "2"))
		if diff := cmp.Diff([]string{"unavailable 1"}, l.walk(first)); diff != "" {
			t.Errorf("reading (-want +got):\n%s", diff)
		}
		if n := l.refused("unknown_key"); n < 1 {
			t.Errorf("counted %v times", n)
		}
	})
}

// A log that is no longer sealed shows what was sealed before, and a text that only looks like
// it as it is.
func TestWhatWasSealedIsOpenedWhileTheKeysAreThere(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *logRig, v *vault) {
		l.publish("1", event("a", "sealed"))
		v.mode.Store(auth.SealOff)
		l.publish("1", event("a", "plain"), event("a", "relay-sealed:1:x"))
		v.mode.Store(auth.SealAcceptPlain)
		l.publish("1", event("a", "relay-sealed:1:y"))
		v.mode.Store(auth.SealOff)
		if diff := cmp.Diff([]string{"sealed", "plain", "relay-sealed:1:x", "relay-sealed:1:y"}, datas(l.read(first))); diff != "" {
			t.Errorf("off (-want +got):\n%s", diff)
		}
		v.mode.Store(auth.SealAcceptPlain)
		if diff := cmp.Diff([]string{"sealed", "plain", "unavailable 1", "relay-sealed:1:y"}, l.walk(first)); diff != "" {
			t.Errorf("accept-plain (-want +got):\n%s", diff)
		}
		v.mode.Store(auth.SealRequired)
		if diff := cmp.Diff([]string{"sealed", "unavailable 2", "relay-sealed:1:y"}, l.walk(first)); diff != "" {
			t.Errorf("required (-want +got):\n%s", diff)
		}
	})
}
