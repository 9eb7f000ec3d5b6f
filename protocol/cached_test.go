package protocol_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestRedisNamesOfRollsAndCaches(t *testing.T) {
	if got, want := protocol.RosterTopic("buildrelay", "app", "#server-to-user-1"), "buildrelay:~roster:app:#server-to-user-1"; got != want {
		t.Errorf("got topic %s, want %s", got, want)
	}
	if got, want := protocol.CacheKey("buildrelay", "app", "cache-x"), "buildrelay:{app:cache-x}:cache"; got != want {
		t.Errorf("got key %s, want %s", got, want)
	}
}

func TestACachedEventIsWhatWasPublished(t *testing.T) {
	e := protocol.Event{Name: "e", Channel: "cache-a", Data: `{"x":"<\n>"}`, Exclude: "1.2"}
	payload := protocol.EncodePublished([]protocol.Event{e})
	if want := `{"event":"e","data":"{\"x\":\"<\\n>\"}","socket_id":"1.2"}`; string(payload) != want {
		t.Errorf("got %s, want %s", payload, want)
	}
	live, err := protocol.ParsePublished(payload, "cache-a", protocol.DefaultLimits())
	if err != nil || len(live) != 1 || live[0].Exclude != "1.2" {
		t.Errorf("live it is %+v, %v", live, err)
	}
	got, err := protocol.ParseCached(payload, "cache-a", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.Cached{Event: protocol.Event{Name: "e", Channel: "cache-a", Data: e.Data}, TTL: time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cached (-want +got):\n%s", diff)
	}
}

func TestParseCachedRefusesWhatIsNoEventToCache(t *testing.T) {
	for _, payload := range []string{
		``, `x`, `null`, `[]`, `[{"event":"e"}]`, `{}`, `{"event":"pusher:x"}`, `{"event":"client-x","data":"d"}`,
		`{"event":"e","event":"e"}`, `{"event":"e","socket_id":"x"}`,
	} {
		if got, err := protocol.ParseCached([]byte(payload), "cache-a", time.Minute); err == nil {
			t.Errorf("%s is read as %+v", payload, got)
		}
	}
}

func FuzzParseCached(f *testing.F) {
	for _, in := range []string{
		`{"event":"e","data":"d","socket_id":"1.2","id":"x"}`, `{"event":"e","data":{"a":[1,null]}}`, `[{"event":"e"}]`,
		`{"event":"client-x"}`, `{"Event":"e"}`, "{\"event\":\"\xff\"}", `[`, ``,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := protocol.ParseCached(in, "cache-a", time.Minute)
		if err != nil {
			checkText(t, err.Error())
			return
		}
		again, err := protocol.ParseCached(protocol.EncodePublished([]protocol.Event{got.Event}), "cache-a", time.Minute)
		if err != nil {
			t.Errorf("%q, encoded again: %v", in, err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%q differs after encoding (-first +second):\n%s", in, diff)
		}
	})
}
