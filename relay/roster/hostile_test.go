package roster_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// home returns the beginning of the keys of a channel's partition.
func home(appID, channel string) string {
	hash := uint32(2166136261)
	for _, b := range []byte(appID + ":" + channel) {
		hash = (hash ^ uint32(b)) * 16777619
	}
	return fmt.Sprintf("%s:{~roster:%d}:", prefix, hash%16)
}

// Others may write to Redis. What they make of our keys costs what these held, and
// nothing else.
func TestForeignKeysAreMended(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		base := home("1", room)
		for _, key := range []string{"c:1:" + room, "m:1:" + room, "o:1", "incs", "epoch", "seq", "hold", "last", "run", "out", "of:~"} {
			t.Run(key, func(t *testing.T) {
				kinds := [][]any{{"LPUSH", "x", "y"}, {"SET", "", "nonsense"}}
				for _, kind := range kinds {
					a := startNode(t, url, quick, withOutbox)
					a.enter(room, "before")
					a.roll(room)
					if err := client.Del(t.Context(), base+key).Err(); err != nil {
						t.Fatal(err)
					}
					command := append([]any{kind[0], base + key}, kind[2:]...)
					if kind[0] == "SET" {
						command = []any{"SET", base + key, "nonsense"}
					}
					if err := client.Do(t.Context(), command...).Err(); err != nil {
						t.Fatal(err)
					}
					a.enter(room, "u")
					relaytest.Eventually(t, "u is there", func() bool { return holds(a.ask(room), "u") })
					a.Leave("1", room, "u")
					relaytest.Eventually(t, "u is gone", func() bool { return !holds(a.ask(room), "u") })
					a.stop()
				}
			})
		}
	})
}

func holds(roll protocol.Roll, user string) bool {
	for _, m := range roll.Members {
		if m.ID == user {
			return true
		}
	}
	return false
}

func TestForeignRowsAreNoMembers(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, quick)
		a.enter(room, "u")
		a.roll(room)
		foreign := map[string]any{
			"no space": "x", "info": "x nonsense", "list": "x []", "bytes": "x {\"a\":\"\xff\"}", "\xff": "x {}", "": "x {}",
			"empty": "", "comma": ", {}",
		}
		if err := client.HSet(t.Context(), home("1", room)+"m:1:"+room, foreign).Err(); err != nil {
			t.Fatal(err)
		}
		if got := a.roll(room); got != "comma u" {
			t.Errorf("roll %q, want comma and u", got)
		}
		if n := testutil.ToFloat64(a.metrics.Dropped.WithLabelValues("roll")); n != 7 {
			t.Errorf("%v rows were dropped, want 7", n)
		}
		ids, err := a.Users(t.Context(), "1", room)
		if err != nil || slices.Contains(ids, "") || slices.Contains(ids, "\xff") {
			t.Errorf("users %q, %v", ids, err)
		}
		a.stop()
		b := startNode(t, url, quick) // sweeps among them
		relaytest.Eventually(t, "u is swept", func() bool { return !holds(b.ask(room), "u") })
	})
}

func TestForeignCountsAreNoCounts(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url)
		a.Count("1", "counted", 2)
		a.roll("counted")
		foreign := map[string]any{"n:x": "nonsense", "n:y": "-5", "n:z": "1e9", "r:x": "inf", "v": "nan", "f": "tttt", "x": "y"}
		if err := client.HSet(t.Context(), home("1", "counted")+"c:1:counted", foreign).Err(); err != nil {
			t.Fatal(err)
		}
		a.Count("1", "counted", 3)
		if got := a.roll("counted"); got != "count 3" {
			t.Errorf("roll %q, want count 3", got)
		}
		if err := client.HSet(t.Context(), home("1", "plain")+"o:1", "x", "many", "y", "-1", "#server-to-user-x", "1").Err(); err != nil {
			t.Fatal(err)
		}
		all, err := a.Channels(t.Context(), "1", "")
		if err != nil || len(all) != 1 || all["counted"] != 3 {
			t.Errorf("channels %v, %v", all, err)
		}
	})
}
