package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/relaytest"
)

func TestAFileThatMayNotGrowTearsNothing(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	pragma := func(statement string) {
		if err := w.Pragma(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	pragma("PRAGMA max_page_count = 60")
	w.fillUp(func() { pragma("PRAGMA max_page_count = 1000000") })
}

// fillUp appends until there is no room: nothing is torn, and nothing that was there is
// lost. Once free has made room the same trail goes on.
func (w *world) fillUp(free func()) {
	w.t.Helper()
	const each = 20
	n, err := 0, error(nil)
	for err == nil {
		if _, err = w.Append(w.t.Context(), "node", entries("node", n, each)); err == nil {
			n += each
		}
	}
	if !strings.Contains(err.Error(), "full") {
		w.t.Errorf("says %v", err)
	}
	for range 3 {
		if _, err := w.Append(w.t.Context(), "node", entries("node", n, each)); err == nil {
			w.t.Fatal("appends where there is no room")
		}
		w.sound("node", n)
	}
	free()
	w.append("node", entries("node", n, each)...)
	w.sound("node", n+each)
}

// A file that may only be read is read.
func TestAReadOnlyFileIsWrittenToOnceItMayBe(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write to every file")
	}
	w := onSQLite(t)
	w.append("node", entries("node", 0, 3)...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	may := func(mode os.FileMode) {
		files, _ := filepath.Glob(w.database + "*") // those that SQLite has beside it too
		for _, file := range files {
			if err := os.Chmod(file, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	may(0o400)
	w.DB = w.open()
	w.sound("node", 3)
	if head, err := w.Append(t.Context(), "node", entries("node", 3, 3)); err == nil {
		t.Fatalf("appended %d to a file that is read-only", head.Seq)
	}
	may(0o600)
	w.append("node", entries("node", 3, 3)...)
	w.sound("node", 6)
}

// SQLite would go on writing to a file that nobody finds any more.
func TestAFileThatWasRemovedIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	kept := w.append("node", entries("node", 0, 3)...)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(w.database + end); err != nil {
			t.Fatal(err)
		}
	}
	w.append("node", entries("node", 3, 2)...)
	w.sound("node", 2)
	if found := w.problems(kept); len(found) == 0 {
		t.Error("a head that was kept does not show that the trail was removed")
	}
}

func TestAFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.append("node", entry("node", 0))
	files, err := filepath.Glob(w.database + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestACommitIsOnTheDisk(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.append("node", entry("node", 0))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
		if got, err := w.Ask(t.Context(), "PRAGMA "+pragma); got != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", pragma, got, err, want)
		}
	}
}

// A reader that takes its time keeps no commit waiting.
func TestACommitWaitsForNoReader(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.append("node", entries("node", 0, 3)...)
	rows, err := w.raw.QueryContext(t.Context(), "SELECT seq FROM audit_records ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for n := 0; rows.Next(); n++ {
		ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
		if _, err := w.Append(ctx, "node", entries("node", 3+n, 1)); err != nil {
			t.Error(err)
		}
		cancel()
	}
	w.sound("node", 6)
}

func TestATrailIsNotOpenedWhereNoFileCanBe(t *testing.T) {
	t.Parallel()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ database, names string }{
		{filepath.Join(dir, "missing", "audit.db"), filepath.Join(dir, "missing")},
		{"sqlite:" + filepath.Join(dir, "missing", "audit.db"), filepath.Join(dir, "missing")},
		{filepath.Join(file, "audit.db"), file},
		{dir, dir},
		{"", "empty"},
		{"sqlite:", "empty"},
	} {
		db, err := store.Open(c.database, key)
		if err == nil {
			t.Errorf("%q was opened", c.database)
			_ = db.Close()
		} else if !strings.Contains(err.Error(), c.names) {
			t.Errorf("%q: %v; want it to name %s", c.database, err, c.names)
		}
	}
}

func TestAnyPathIsAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"audit.db", "a?mode=memory#b%20.db", ":memory:", "ü 'x'.db"} {
		w := newWorld(t, "sqlite:"+filepath.Join(dir, name))
		w.append("node", entry("node", 0))
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		w.DB = w.open()
		w.sound("node", 1)
	}
}

// A file that is no database is told as such, not written over.
func TestAFileOfSomethingElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.db")
	content := strings.Repeat("this is no database\n", 100)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, path)
	if err := w.Check(t.Context()); err == nil {
		t.Error("can be reached")
	}
	if _, err := w.Append(t.Context(), "node", entries("node", 0, 1)); err == nil {
		t.Error("appended")
	}
	if got, err := os.ReadFile(path); string(got) != content || err != nil {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestACommitThatIsGivenUpSaysSo(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := w.Append(ctx, "node", entries("node", 0, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("says %v", err)
	}
}
