package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// What OPERATIONS.md has root do makes a file the user's to whom systemd has given the folder
// before, also one that takes the place of another. systemd looks at the folder alone.
func TestFilesForTheUnitAreGivenAwayAsTheGuideSays(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const user, folder = 65532, "/var/lib/buildrelay"
	guide, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(guide), "\n## With systemd\n")
	section, _, _ = strings.Cut(section, "\n## ")
	script := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(section)
	if script == nil || !strings.Contains(script[1], folder) {
		t.Fatalf("there are no commands for files in %s", folder)
	}
	dir := t.TempDir()
	state := filepath.Join(dir, "private", "buildrelay")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, user, user); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "buildrelay") // as with DynamicUser
	if err := os.Symlink(state, link); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "renewed"} {
		if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		run := exec.CommandContext(t.Context(), "sh", "-euc", strings.ReplaceAll(script[1], folder, link))
		run.Dir = dir
		if said, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		expectGiven(t, filepath.Join(state, "key.pem"), text, user)
	}
	if left, err := os.ReadDir(state); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func expectGiven(t *testing.T, path, text string, user uint32) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("the file has %q, %v, want %q", got, err, text)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if owner.Uid != user || owner.Gid != user || info.Mode().Perm() != 0o600 {
		t.Errorf("it belongs to %d:%d, mode %v", owner.Uid, owner.Gid, info.Mode())
	}
}
