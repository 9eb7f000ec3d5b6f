package wholefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"buildrelay/relay/wholefile"
)

func TestAFileIsCreatedOnceAndReplacedAndNothingElseIsLeft(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	expect := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(got) != want || info.Mode().Perm() != 0o600 {
			t.Errorf("the file has %q, %v, %v, want %q", got, err, statErr, want)
		}
		if all, _ := os.ReadDir(folder); len(all) != 1 {
			t.Errorf("there are %v", all)
		}
	}
	if err := wholefile.Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	expect("first")
	if err := wholefile.Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there is created anew: %v", err)
	}
	expect("first")
	if err := wholefile.Replace(path, []byte("third")); err != nil {
		t.Fatal(err)
	}
	expect("third")
	if err := wholefile.Replace(filepath.Join(folder, "none", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

func TestAFileIsReadWholeAndWhatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	path := func(become func(path string) error) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "file")
		if err := become(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	five := path(func(path string) error { return os.WriteFile(path, []byte("12345"), 0o600) })
	if text, err := wholefile.Read(five, 5); string(text) != "12345" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	for name, at := range map[string]string{
		"too large": five,
		"no file":   path(func(path string) error { return syscall.Mkfifo(path, 0o600) }),
		"no such":   path(func(path string) error { return os.Symlink("nowhere", path) }),
	} {
		if text, err := wholefile.Read(at, 4); err == nil || !strings.Contains(err.Error(), name) || text != nil {
			t.Errorf("%s: read %q, %v", name, text, err)
		}
	}
}
