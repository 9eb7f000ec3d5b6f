package broker_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/seal"
)

// Keys are rotated while one node writes a log and another, which gets each key set a step
// later or earlier, reads it from its beginning, again and again. Nobody misses anything.
func TestKeysRotateWhileALogIsReadAndWritten(t *testing.T) {
	t.Parallel()
	writer, reader := newVault(t, auth.SealRequired), newVault(t, auth.SealRequired)
	reader.Replace(writer.set)
	url := relaytest.StartRedis(t).URL()
	w, r := newLogRig(t, url, writer.seals), newLogRig(t, url, reader.seals)
	const rotations, each = 5, 20
	var written atomic.Int64
	going, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	defer writing.Wait()
	defer stop()
	writing.Go(func() {
		for going.Err() == nil {
			if _, err := w.Publish(context.WithoutCancel(going), "1", events("a", strconv.FormatInt(written.Add(1), 10))); err != nil {
				t.Error(err)
			}
		}
	})
	for range rotations {
		before := written.Load()
		relaytest.Eventually(t, "more is written", func() bool { return written.Load() > before+each })
		writer.change(t, (*seal.Keyset).Add) // it seals nothing yet, and is given to all first
		reader.Replace(writer.set)
		writer.change(t, (*seal.Keyset).Rotate)
		checkNumbers(t, r)
	}
	stop()
	writing.Wait()
	if n := checkNumbers(t, r); n != int(written.Load()) {
		t.Errorf("read %d of %d", n, written.Load())
	}
	used := make(map[seal.KeyID]bool)
	for _, e := range r.client.XRange(t.Context(), key, "-", "+").Val() {
		id, _ := seal.EntryKey(e.Values["d"].(string))
		used[id] = true
	}
	if len(used) < rotations {
		t.Errorf("the log is sealed with %d keys, want at least %d", len(used), rotations)
	}
}

// checkNumbers reads a log whose data are the numbers from 1, and returns how many.
func checkNumbers(t *testing.T, l *logRig) int {
	t.Helper()
	got := l.walk(first)
	if diff := cmp.Diff(numbers(1, len(got)), got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	return len(got)
}

// What was sealed with a key that is not there any more is told, and the rest can be read.
func TestAKeyThatIsRemovedTooEarlyIsTold(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *logRig, v *vault) {
		l.publish("1", events("a", "1", "2")...)
		old := v.set.Seals()
		v.change(t, (*seal.Keyset).Rotate)
		l.publish("1", events("a", "3", "4")...)
		if diff := cmp.Diff(numbers(1, 4), l.walk(first)); diff != "" {
			t.Errorf("with both keys (-want +got):\n%s", diff)
		}
		both := v.set
		v.change(t, func(set *seal.Keyset) (*seal.Keyset, error) { return set.Retire(old) })
		if diff := cmp.Diff([]string{"unavailable 2", "3", "4"}, l.walk(first)); diff != "" {
			t.Errorf("without the old key (-want +got):\n%s", diff)
		}
		if n := l.refused("unknown_key"); n != 2 {
			t.Errorf("counted %v times, want 2", n)
		}
		v.Replace(both)
		if diff := cmp.Diff(numbers(1, 4), l.walk(first)); diff != "" {
			t.Errorf("with both keys again (-want +got):\n%s", diff)
		}
	})
}
