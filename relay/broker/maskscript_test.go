package broker_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

const masksKey = "buildrelay:{1}:masks"

// sealedText is what the script takes for something that is sealed.
const sealedText = "relay-sealed:1:aWQ:dGV4dA"

// mask calls the script as a backend does. An error is answered as its text.
func (l *logRig) mask(args ...any) (version int64, problem string) {
	l.t.Helper()
	reply, err := l.client.Eval(l.t.Context(), broker.MaskScript(), []string{masksKey}, args...).Text()
	if err != nil {
		return 0, err.Error()
	}
	if version, err = strconv.ParseInt(reply, 10, 64); err != nil {
		l.t.Fatal(err)
	}
	return version, ""
}

func (l *logRig) mustMask(args ...any) int64 {
	l.t.Helper()
	version, problem := l.mask(args...)
	if problem != "" {
		l.t.Fatalf("registering %q: %s", args, problem)
	}
	return version
}

// told is what nodes are told of a registration.
type told struct {
	App, Channel, Sealed string
	Until, V             int64
}

func (l *logRig) hearMasks() *redis.PubSub {
	l.t.Helper()
	sub := l.client.Subscribe(l.t.Context(), "buildrelay:~masks")
	l.t.Cleanup(func() { _ = sub.Close() })
	if _, err := sub.Receive(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	return sub
}

func TestARegistrationIsKeptAndToldInOneStep(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		sub := l.hearMasks()
		until := l.now() + 3_600_000
		one := l.mustMask("a", until, sealedText)
		two := l.mustMask("", until+1000, sealedText+"X")
		three := l.mustMask("#server-to-user-ü/1", until, sealedText)
		four := l.mustMask("a", 0, "")
		five := l.mustMask("never", until, "")
		if one >= two || two >= three || three >= four {
			t.Errorf("versions %d, %d, %d, %d do not grow", one, two, three, four)
		}
		for _, want := range []told{
			{"1", "a", sealedText, until, one},
			{"1", "", sealedText + "X", until + 1000, two},
			{"1", "#server-to-user-ü/1", sealedText, until, three},
			{"1", "a", "", until, four},
			{"1", "never", "", 0, five},
		} {
			m, err := sub.ReceiveMessage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got told
			if err := json.Unmarshal([]byte(m.Payload), &got); err != nil || got != want {
				t.Errorf("told %s (%v), want %+v", m.Payload, err, want)
			}
		}
		fields := l.client.HGetAll(t.Context(), masksKey).Val()
		if len(fields) != 7 || fields["*"] != fmt.Sprintf(`{"until":%d,"v":%d,"sealed":"%sX"}`, until+1000, two, sealedText) ||
			fields["a"] != fmt.Sprintf(`{"until":%d,"v":%d,"sealed":""}`, until, four) {
			t.Errorf("Redis has %q", fields)
		}
		if fields["#v"] != strconv.FormatInt(five, 10) || fields["#b"] != strconv.Itoa(len(fields["*"])+len(fields["a"])+len(fields["#server-to-user-ü/1"])) {
			t.Errorf("of itself it has %q", fields)
		}
		if ttl := l.client.PTTL(t.Context(), masksKey).Val(); ttl < time.Hour || ttl > 25*time.Hour {
			t.Errorf("it is kept for %v", ttl)
		}
	})
}

// Whoever reads Redis, or its traffic, sees nothing that is not sealed.
func TestWrongRegistrationsAreRefusedByName(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		until := l.now() + 3_600_000
		for want, args := range map[string][]any{
			"what is to be masked must be sealed": {"a", until, "hunter2-hunter2"},
			"needs a channel":                     {"a", until},
			"is no channel":                       {"*", until, sealedText},
			"the first argument is no channel":    {"#v", until, sealedText},
			"within 90 days":                      {"a", until + 95*24*3_600_000, sealedText},
			"later than now":                      {"a", l.now() - 1, sealedText},
			"must be whole ms":                    {"a", "soon", sealedText},
			"has more than 163840 bytes":          {"a", until, sealedText + strings.Repeat("x", 163840)},
		} {
			if _, problem := l.mask(args...); !strings.Contains(problem, "buildrelay_mask: ") || !strings.Contains(problem, want) || strings.Contains(problem, "hunter2") {
				t.Errorf("%.60q: %q, want %q", args, problem, want)
			}
		}
		if n := l.client.Exists(t.Context(), masksKey).Val(); n != 0 {
			t.Error("something was written")
		}
		_, err := l.client.Eval(t.Context(), broker.MaskScript(), []string{"buildrelay:masks"}, "a", until, sealedText).Result()
		if err == nil || !strings.Contains(err.Error(), "it needs one key") {
			t.Errorf("another key: %v", err)
		}
	})
}

func TestWhatHasEndedMakesRoom(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		now := l.now()
		l.mustMask("a", now+3_600_000, sealedText)
		for i := range 200 { // as if they had been registered long ago
			l.do("HSET", masksKey, "old-"+strconv.Itoa(i), fmt.Sprintf(`{"until":%d,"v":1,"sealed":"%s"}`, now-1, sealedText))
		}
		l.do("HSET", masksKey, "bad", "x")
		l.mustMask("b", now+3_600_000, sealedText)
		if n := l.client.HLen(t.Context(), masksKey).Val(); n != 6 {
			t.Errorf("%d fields, want those of a and b, and four of its own", n)
		}
	})
}

// What anybody wrote among the script's own fields neither stops it nor makes it keep anything for ever.
func TestWhatMakesNoSenseInTheHashIsNoHindrance(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		for _, bad := range []string{"inf", "nan", "-inf", "1e308", "abc", "", "-1", "0x7fffffffffff", strings.Repeat("9", 15), strings.Repeat("9", 400)} {
			l.do("DEL", masksKey)
			before := l.now()
			l.do("HSET", masksKey, "#v", bad, "#u", bad, "#b", bad, "#s", bad, "a", `{"until":`+bad+`,"v":1,"sealed":""}`)
			for _, args := range [][]any{{"a", before + 3_600_000, sealedText}, {"a", 0, ""}, {"b", before + 3_600_000, sealedText}} {
				version, problem := l.mask(args...)
				if problem != "" || version < before {
					t.Errorf("%.20q, registering %q: version %d, %s", bad, args, version, problem)
				}
			}
			if ttl := l.client.PTTL(t.Context(), masksKey).Val(); ttl < time.Hour || ttl > 92*24*time.Hour {
				t.Errorf("%.20q: it is kept for %v", bad, ttl)
			}
		}
	})
}

func TestWhatWasTakenBackMakesRoomWhenItIsNeeded(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		until := l.now() + 3_600_000
		taken := fmt.Sprintf(`{"until":%d,"v":1,"sealed":""}`, until)
		all := []any{"HSET", masksKey}
		for i := range 9_999 {
			all = append(all, "old-"+strconv.Itoa(i), taken)
		}
		l.do(all...)
		l.mustMask("a", until, sealedText)
		if n := l.client.HLen(t.Context(), masksKey).Val(); n != 10_004 {
			t.Errorf("%d fields: what was taken back is gone already", n)
		}
		l.mustMask("b", until, sealedText)
		if n := l.client.HLen(t.Context(), masksKey).Val(); n != 6 {
			t.Errorf("%d fields, want those of a and b, and four of its own", n)
		}
	})
}

func TestAnAppHasABoundOfWhatItMayRegister(t *testing.T) {
	t.Parallel()
	l := newLogRig(t, relaytest.StartRedis(t).URL())
	until := l.now() + 3_600_000
	pipe := l.client.Pipeline()
	for i := range 10_000 {
		pipe.Eval(t.Context(), broker.MaskScript(), []string{masksKey}, "c-"+strconv.Itoa(i), until, sealedText)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := l.client.HGetAll(t.Context(), masksKey).Val()
	if _, problem := l.mask("one-more", until, sealedText); !strings.HasPrefix(problem, "MASKSFULL ") {
		t.Errorf("one more: %q", problem)
	}
	if after := l.client.HGetAll(t.Context(), masksKey).Val(); len(after) != len(before) {
		t.Errorf("%d fields became %d", len(before), len(after))
	}
	l.mustMask("c-7", until, sealedText+"Y") // in the place of one
	l.mustMask("c-8", 0, "")
	l.mustMask("one-more", until, sealedText)
	large := sealedText + strings.Repeat("x", 160_000)
	for i := range 300 {
		if _, problem := l.mask("c-"+strconv.Itoa(i+100), until, large); problem != "" {
			if !strings.HasPrefix(problem, "MASKSFULL ") || i < 150 {
				t.Errorf("the %dth large one: %q", i+1, problem)
			}
			return
		}
	}
	t.Error("there is no bound of bytes")
}
