package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// retained is what the meta hash says of the entries, and what they are.
func (l *logRig) retained() (n, bytes string, data []string) {
	l.t.Helper()
	meta := l.client.HGetAll(l.t.Context(), key+":meta").Val()
	for _, entry := range l.client.XRange(l.t.Context(), key, "-", "+").Val() {
		data = append(data, entry.Values["d"].(string))
	}
	return meta["n"], meta["b"], data
}

func TestALogIsTrimmedExactly(t *testing.T) {
	tests := []struct {
		name    string
		options string
		// Of ten entries whose data are 1, 22, 333, …
		want  []string
		bytes string
	}{
		{"by count", `{"maxlen":3}`, []string{"88888888", "999999999", "10"}, "22"},
		{"to the newest by count", `{"maxlen":1}`, []string{"10"}, "3"},
		{"by bytes to the byte", `{"maxbytes":22}`, []string{"88888888", "999999999", "10"}, "22"},
		{"by bytes, one too few", `{"maxbytes":21}`, []string{"999999999", "10"}, "13"},
		{"to the newest by bytes, which takes more", `{"maxbytes":1}`, []string{"10"}, "3"},
		{"by whichever is less", `{"maxlen":2,"maxbytes":30}`, []string{"999999999", "10"}, "13"},
	}
	eachRedis(t, func(t *testing.T, l *logRig) {
		for _, test := range tests {
			l.do("FLUSHALL")
			for i := range 10 {
				data := strings.Repeat(fmt.Sprint(i+1), i+1)
				if i == 9 {
					data = "10"
				}
				l.mustAppend("e", data, "", test.options)
			}
			n, bytes, data := l.retained()
			if diff := cmp.Diff(test.want, data); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", test.name, diff)
			}
			if bytes != test.bytes || n != fmt.Sprint(len(test.want)) {
				t.Errorf("%s: counted %s entries of %s bytes, want %d of %s", test.name, n, bytes, len(test.want), test.bytes)
			}
		}
	})
}

func TestALogIsTrimmedByAge(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		l.fill(2)
		old := l.now()
		relaytest.Eventually(t, "a second passes", func() bool { return l.now() > old+1000 })
		l.mustAppend("e", "3")
		if _, _, data := l.retained(); len(data) != 3 {
			t.Errorf("a day is not over, and %q are retained", data)
		}
		l.mustAppend("e", "4", "", `{"ttl":1}`)
		if _, bytes, data := l.retained(); !cmp.Equal(data, []string{"3", "4"}) || bytes != "4" {
			t.Errorf("%q of %s bytes are retained, want 3 and 4", data, bytes)
		}
		for k, least := range map[string]time.Duration{key: time.Second, key + ":meta": 48 * time.Hour} {
			if ttl := l.client.PTTL(t.Context(), k).Val(); ttl > least || ttl < least-time.Second {
				t.Errorf("%s lives for %s, want %s", k, ttl, least)
			}
		}
		relaytest.Eventually(t, "the entries expire", func() bool { return l.client.Exists(t.Context(), key).Val() == 0 })
		page := l.read(first)
		if g := page.Gap(); g == nil || g.Reason != protocol.GapTrimmed || g.Missing != 4 {
			t.Errorf("gap %+v", g)
		}
		if at := l.mustAppend("e", "5"); at.Epoch != page.Top.Epoch || at.ID.Offset != 5 {
			t.Errorf("goes on at %s after %s", at, page.Top)
		}
		if n, bytes, data := l.retained(); n != "1" || bytes != "2" || len(data) != 1 {
			t.Errorf("counted %s entries of %s bytes", n, bytes)
		}
	})
}

func TestALogOutlivesItsEntries(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		l.mustAppend("e", "1", "", `{"ttl":864000}`)
		for k, want := range map[string]time.Duration{key: 240 * time.Hour, key + ":meta": 480 * time.Hour} {
			if ttl := l.client.TTL(t.Context(), k).Val(); ttl > want || ttl < want-time.Minute {
				t.Errorf("%s lives for %s, want %s", k, ttl, want)
			}
		}
	})
}

func TestLimitsStayInForceUntilOthersAreGiven(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		limits := func(want string) {
			t.Helper()
			meta := l.client.HGetAll(t.Context(), key+":meta").Val()
			if got := meta["maxlen"] + " " + meta["maxbytes"] + " " + meta["ttl"]; got != want {
				t.Errorf("limits %s, want %s", got, want)
			}
		}
		l.mustAppend("e", "1")
		limits("20000 8388608 86400")
		l.mustAppend("e", "2", "", `{"maxlen":7}`)
		limits("7 8388608 86400")
		l.mustAppend("e", "3", "", `{"ttl":90,"maxbytes":1000}`)
		l.mustAppend("e", "4")
		limits("7 1000 90")
		l.do("HSET", key+":meta", "maxlen", "x", "ttl", "1e300", "maxbytes", "0")
		l.mustAppend("e", "5")
		limits("20000 8388608 86400")
	})
}

// One call drops little more than 1000 entries, since Redis stands still meanwhile; the
// next ones go on.
func TestALimitThatIsLoweredIsReachedBySteps(t *testing.T) {
	t.Parallel()
	l := newLogRig(t, relaytest.StartRedis(t).URL())
	for range 120 {
		if _, err := l.Publish(t.Context(), "1", events("a", numbers(1, 10)...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{1201, 147, 10, 10} {
		options := `{"maxlen":10}`
		if want == 1201 {
			options = ""
		}
		l.mustAppend("e", "x", "", options)
		n, bytes, data := l.retained()
		if n != fmt.Sprint(len(data)) {
			t.Errorf("counted %s of %d entries", n, len(data))
		}
		sum := 0
		for _, d := range data {
			sum += len("e") + len(d)
		}
		if bytes != fmt.Sprint(sum) {
			t.Errorf("counted %s of %d bytes", bytes, sum)
		}
		if len(data) != want {
			t.Errorf("%d entries are retained, want %d", len(data), want)
		}
	}
}

// Who deletes from the stream by hand is allowed for.
func TestWhatWasDeletedByHandIsNotCounted(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		l.fill(9)
		l.do("XTRIM", key, "MAXLEN", "2")
		ten := l.mustAppend("e", "10")
		if n, bytes, data := l.retained(); n != "3" || bytes != "7" || !cmp.Equal(data, numbers(8, 10)) {
			t.Errorf("counted %s entries of %s bytes, %q", n, bytes, data)
		}
		if ten.ID.Offset != 10 {
			t.Errorf("goes on at %s", ten)
		}
	})
}
