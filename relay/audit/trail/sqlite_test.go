package trail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/relaytest"
)

func TestManyWhoNoteAtOnceShareCommitsAndNothingIsLost(t *testing.T) {
	t.Parallel()
	const who, each = 100, 10
	folder := t.TempDir()
	key := makeKey(t, folder)
	commits := 0
	noted, db, err := openTrail(folder, nil, func(c *trail.Config) { c.Changed = func(audit.Head) { commits++ } })
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := runTrail(t, noted)
	var noting sync.WaitGroup
	for actor := range who {
		noting.Go(func() {
			for n := range each {
				r := record(n)
				r.Actor.ID = fmt.Sprint(actor)
				noted.Note(r)
			}
		})
	}
	noting.Wait()
	relaytest.Eventually(t, "all is in the database", func() bool {
		link, err := db.Last(t.Context(), chain)
		return err == nil && link.Seq == who*each
	})
	stop()
	next := make(map[string]int)
	for _, s := range chainOf(t, db) {
		if want := fmt.Sprint(next[s.Actor]); s.Target != want {
			t.Fatalf("after %s of %s comes %s", want, s.Actor, s.Target)
		}
		next[s.Actor]++
	}
	for actor := range who {
		if n := next[fmt.Sprint(actor)]; n != each {
			t.Errorf("%d records of %d are there, want %d", n, actor, each)
		}
	}
	if commits == 0 || commits > who*each/20 {
		t.Errorf("%d records took %d commits", who*each, commits)
	}
	verified(t, db, folder, key)
}

// Whatever is in a record, it does not hold up those behind it.
func TestNoTextInARecordIsTooMuchForTheDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key := makeKey(t, folder)
	noted, db, err := openTrail(folder, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := runTrail(t, noted)
	for n, text := range []string{"\x00", "\xff\xfe", "a\nb\r\n", "\u2028", "=cmd|' /C calc'!A0", `"}{`, string(make([]byte, 1_000))} {
		r := record(n)
		r.Actor.ID, r.Target.Name, r.Request.ID = text, text, text
		r.Metadata = map[string]string{text: text}
		r.Payload = map[string]string{text: text}
		if err := noted.Keep(t.Context(), []audit.Record{r}); err != nil {
			t.Errorf("%q: %v", text[:1], err)
		}
	}
	stop()
	if n := len(chainOf(t, db)); n != 7 {
		t.Errorf("%d records", n)
	}
	verified(t, db, folder, key)
}

// Somebody removes the database and puts a folder in its place; then it is away, and no
// longer.
func TestADatabaseThatIsTakenAwayIsWrittenAgainWhenItIsBack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key := makeKey(t, folder)
	noted, db, err := openTrail(folder, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := runTrail(t, noted)
	path := filepath.Join(folder, "audit.db")
	if err := noted.Keep(t.Context(), []audit.Record{record(0)}); err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(folder, "away")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Rename(path+suffix, away+suffix) // some may not be there
	}
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := noted.Keep(t.Context(), []audit.Record{record(1), record(2)}); err != nil {
		t.Fatal(err)
	}
	if n := wholeSpool(t, key, folder); n != 2 {
		t.Errorf("%d records are in the spool", n)
	}
	if text, ok := noted.State(); ok {
		t.Errorf("the state is %q", text)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Rename(away+suffix, path+suffix)
	}
	relaytest.Eventually(t, "records reach the database again", func() bool {
		_, ok := noted.State()
		return ok && wholeSpool(t, key, folder) == 0
	})
	stop()
	if n := len(chainOf(t, db)); n != 3 {
		t.Errorf("%d records", n)
	}
	verified(t, db, folder, key)
}
