package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// Anybody may have written what Redis has.
func TestWhatIsRegisteredIsBounded(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	server := relaytest.StartRedis(t)
	l := newLogRig(t, server.URL())
	until := time.Now().Add(time.Hour).UnixMilli()
	for channel, value := range map[string]string{
		"good":     fmt.Sprintf(`{"until":%d,"v":1,"sealed":"%s"}`, until, sealedText),
		"late":     fmt.Sprintf(`{"until":8999999999999999,"v":9007199254740991,"sealed":"%s"}`, sealedText),
		"too long": fmt.Sprintf(`{"until":%d,"v":1,"sealed":"%s%s"}`, until, sealedText, strings.Repeat("x", 160<<10)),
		"too new":  fmt.Sprintf(`{"until":%d,"v":9007199254740992,"sealed":"%s"}`, until, sealedText),
		"too old":  fmt.Sprintf(`{"until":%d,"v":0,"sealed":"%s"}`, until, sealedText),
		"plain":    fmt.Sprintf(`{"until":%d,"v":1,"sealed":"hunter2-hunter2"}`, until),
		"negative": fmt.Sprintf(`{"until":-1,"v":1,"sealed":"%s"}`, sealedText),
		"gone":     fmt.Sprintf(`{"until":%d,"v":1,"sealed":""}`, until),
		"none":     `x`,
	} {
		l.do("HSET", masksKey, channel, value)
	}
	l.do("HSET", masksKey, "#v", "1")
	node := joinMaskRig(t, m, server.URL())
	node.waitMasked("good", true)
	for _, channel := range []string{"too long", "too new", "too old", "plain", "negative", "gone", "none"} {
		if node.Masked("1", channel) {
			t.Errorf("%s: it applies", channel)
		}
	}
	const day = 24 * time.Hour
	m.forward.Store(int64(90 * day))
	if !node.Masked("1", "late") {
		t.Error("what ends too late does not apply")
	}
	m.forward.Store(int64(92 * day))
	if node.Masked("1", "late") {
		t.Error("it applies for ever")
	}
}

// Who can read Redis, but has no key, does not see how long a password is.
func TestTheLengthOfWhatIsSealedTellsLittle(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	length := func(values ...string) int {
		l.register("a", values...)
		return len(l.client.HGet(t.Context(), masksKey, "a").Val())
	}
	short, long, longer := length("hunter"), length(secret, strings.Repeat("horse", 150)), length(strings.Repeat("horse", 210))
	if short != long || longer <= long {
		t.Errorf("they have %d, %d and %d bytes", short, long, longer)
	}
	if l.publish("1", event("a", strings.Repeat("horse", 210))); l.inRedis("a")[0] != "***" {
		t.Error("it is not masked")
	}
}

// The node that registered it hears of itself after it heard what took that back.
func TestWhatIsTakenBackAtOnceStaysTakenBack(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	l := newMaskRig(t, m)
	l.register("a", secret)
	registered := l.client.HGet(t.Context(), masksKey, "a").Val()
	l.mustMask("a", 0, "")
	l.waitMasked("a", false)
	l.do("PUBLISH", "buildrelay:~masks", `{"app":"1","channel":"a",`+registered[1:])
	l.register("b", secret)
	l.waitMasked("b", true)
	l.do("PUBLISH", "buildrelay:~masks", `{"app":"1","channel":"c",`+registered[1:]) // heard after the one above
	l.waitMasked("c", true)
	if l.Masked("1", "a") {
		t.Error("it came back")
	}
}
