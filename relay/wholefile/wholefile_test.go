package wholefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
