package trail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/relaytest"
)

// makeKey makes the key of a trail in a folder.
func makeKey(t testing.TB, folder string) audit.Key {
	t.Helper()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "audit.key"), []byte(key.Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	return key
}

// F30: whenever the process is killed, the files are whole, and what was kept stays so.
func TestAProcessThatIsKilledLeavesWholeFilesAndLosesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key := makeKey(t, folder)
	rounds := 6
	if relaytest.Full() {
		rounds = 100
	}
	var kept []string
	spooled := 0
	for range rounds {
		kept = append(kept, killedWriter(t, folder)...)
		spooled += wholeSpool(t, key, folder)
		wholeHeads(t, key, folder)
	}
	if len(kept) < rounds || spooled == 0 {
		t.Errorf("%d records were kept, %d were in the spool", len(kept), spooled)
	}
	last, db, err := openTrail(folder, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := runTrail(t, last)
	relaytest.Eventually(t, "the next one is kept, behind what was spooled", func() bool {
		return last.Keep(t.Context(), []audit.Record{record(0)}) == nil
	})
	relaytest.Eventually(t, "the spool is empty", func() bool { return wholeSpool(t, key, folder) == 0 })
	stop()
	expectInOrder(t, db, kept)
	verified(t, db, folder, key)
}

// runTrail runs a trail until stop is called, or the test ends.
func runTrail(t testing.TB, tr *trail.Trail) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { tr.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// killedWriter runs a process that writes, kills it, and returns what it said it kept.
func killedWriter(t *testing.T, folder string) (kept []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), writesVariable+"="+folder)
	var out, errs bytes.Buffer
	said := make(chan struct{}, 1)
	cmd.Stdout, cmd.Stderr = &telling{to: &out, said: said}, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-said:
	case <-time.After(relaytest.Patience):
		t.Error("nothing was kept")
	}
	<-time.After(rand.N(300 * time.Millisecond)) // somewhere in the middle
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var killed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &killed) || errs.Len() > 0 {
		t.Fatalf("it ended by itself: %v, %s", err, &errs)
	}
	for line := range bytes.Lines(out.Bytes()) {
		if bytes.HasSuffix(line, []byte("\n")) {
			kept = append(kept, string(bytes.TrimSpace(line)))
		}
	}
	return kept
}

// telling tells of the first write.
type telling struct {
	to   *bytes.Buffer
	said chan struct{}
}

func (w *telling) Write(p []byte) (int, error) {
	select {
	case w.said <- struct{}{}:
	default:
	}
	return w.to.Write(p)
}

// wholeSpool looks at the spool, of which only the end may be torn, and returns how many
// records are in it.
func wholeSpool(t testing.TB, key audit.Key, folder string) (records int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "audit.spool"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	head, lines, whole := bytes.Cut(text, []byte("\n"))
	if !whole {
		return 0
	}
	number, nonce := trail.ReadHead(key, head)
	if nonce == nil {
		t.Fatalf("the spool begins with %q", head)
	}
	for line := range bytes.Lines(lines) {
		line, whole := bytes.CutSuffix(line, []byte("\n"))
		if !whole {
			break
		}
		got, _, ok := trail.ReadLine(key, nonce, line)
		if !ok || got != number {
			t.Fatalf("line %d of the spool does not fit: %q", number, line)
		}
		number++
		records++
	}
	return records
}

// wholeHeads looks at the file of heads and returns those in it.
func wholeHeads(t testing.TB, key audit.Key, folder string) (heads []audit.Head) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "audit.heads"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var head audit.Head
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatalf("a head is %q: %v", line, err)
		}
		if err := key.CheckHead(head); err != nil {
			t.Fatalf("a head is %q: %v", line, err)
		}
		heads = append(heads, head)
	}
	if len(heads) == 0 {
		t.Errorf("the file of heads has no head: %q", text)
	}
	return heads
}

// chainOf are all records of the chain, which are numbered from 1 on.
func chainOf(t testing.TB, db *store.DB) (all []audit.Stored) {
	t.Helper()
	for {
		some, err := db.Chain(t.Context(), chain, int64(len(all)), 1_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return all
		}
		for _, s := range some {
			all = append(all, s)
			if s.Seq != int64(len(all)) {
				t.Fatalf("record %d has the number %d", len(all), s.Seq)
			}
		}
	}
}

// expectInOrder says which ids the database must have, each once, in this order; there may be
// others between.
func expectInOrder(t testing.TB, db *store.DB, ids []string) {
	t.Helper()
	seen := make(map[string]bool)
	left := ids
	for _, s := range chainOf(t, db) {
		if seen[s.ID] {
			t.Errorf("%s is there twice", s.ID)
		}
		seen[s.ID] = true
		if s.Action == audit.ActionAuditGap {
			t.Errorf("a gap: %s", s.Line)
		}
		if len(left) > 0 && s.ID == left[0] {
			left = left[1:]
		}
	}
	if len(left) > 0 {
		t.Errorf("%d of %d records are not there, or not in their order", len(left), len(ids))
	}
}

// verified verifies the trail, with the file of heads.
func verified(t testing.TB, db *store.DB, folder string, key audit.Key) {
	t.Helper()
	heads := wholeHeads(t, key, folder)
	if len(heads) != 1 {
		t.Errorf("there are %d heads", len(heads))
	}
	if _, err := db.Verify(t.Context(), heads, func(p audit.Problem) { t.Errorf("verifying finds %+v", p) }); err != nil {
		t.Error(err)
	}
}
