package broker_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// visited is the data of all entries that a broker finds, sorted.
func visited(t *testing.T, b *broker.Broker) (all []string) {
	t.Helper()
	if err := b.EachEntry(t.Context(), func(data string) { all = append(all, data) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestEveryEntryOfEveryLogIsVisitedOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		if got := visited(t, l.Broker); got != nil {
			t.Errorf("an empty Redis has %q", got)
		}
		l.fill(120) // more than a page
		if err := l.client.HSet(t.Context(), "buildrelay:{1:b}", "d", "of no stream").Err(); err != nil {
			t.Fatal(err)
		}
		now := l.now()
		l.mustMask("a", now+3_600_000, sealedText)
		l.do("HSET", masksKey, "ended", fmt.Sprintf(`{"until":%d,"v":1,"sealed":"%s"}`, now-1, sealedText))
		l.do("HSET", masksKey, "taken back", fmt.Sprintf(`{"until":%d,"v":2,"sealed":""}`, now+3_600_000))
		want := []string{sealedText}
		for i := range 120 {
			want = append(want, strconv.Itoa(i+1))
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, visited(t, l.Broker)); diff != "" {
			t.Errorf("(- want, + got):\n%s", diff)
		}
	})
}

func TestTheLogsOfAllMastersOfAClusterAreVisited(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	r := newRig(t, cluster.URL())
	var want []string
	for i := range 30 {
		data := strconv.Itoa(i)
		want = append(want, data)
		key := "buildrelay:{1:private-build-" + data + "}"
		if err := cluster.Client().Eval(t.Context(), appendScript, []string{key}, "e", data).Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, visited(t, r.Broker)); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}
