package wholefile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"buildrelay/relay/wholefile"
)

// rights are the owner, the group and the mode of a file.
func rights(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d %v", owner.Uid, owner.Gid, info.Mode())
}

// put makes a file with these rights.
func put(t *testing.T, path string, uid, gid int, mode os.FileMode) {
	t.Helper()
	for _, err := range []error{os.WriteFile(path, []byte("old"), 0o600), os.Chown(path, uid, gid), os.Chmod(path, mode)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFileKeepsItsModeWhereItIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, mode := range []os.FileMode{0o400, 0o600, 0o640, 0o644, 0o700} {
		put(t, path, os.Getuid(), os.Getgid(), mode)
		want := rights(t, path)
		if err := wholefile.Replace(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if got := rights(t, path); got != want {
			t.Errorf("it has %s, and had %s", got, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

const aNode = 65532

// What root changes for a node must stay the node's.
func TestRootLeavesAFileToItsOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	path := filepath.Join(t.TempDir(), "file")
	for _, of := range []struct {
		uid, gid int
		mode     os.FileMode
	}{{aNode, aNode, 0o600}, {0, aNode, 0o640}, {aNode, 0, 0o400}} {
		put(t, path, of.uid, of.gid, of.mode)
		want := rights(t, path)
		if err := wholefile.Replace(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if got := rights(t, path); got != want {
			t.Errorf("it has %s, and had %s", got, want)
		}
	}
}

// replaceAsNode names, in the environment of a process of a test, what that is to replace.
const replaceAsNode = "WHOLEFILE_REPLACE"

// A node that may write in the folder cannot leave root's file to root, and so leaves it alone.
func TestAFileIsNotReplacedWhereItWouldBelongToAnother(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(replaceAsNode); path != "" {
		fmt.Println("REPLACED:", wholefile.Replace(path, []byte("new")))
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may become another")
	}
	folder := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(folder): 0o755, folder: 0o777} { // the node has to get there
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		uid, gid int
		mode     os.FileMode
		says     string
	}{
		{0, aNode, 0o640, "is not replaced: it belongs to user 0 and group 65532"},
		{aNode, 0, 0o640, "is not replaced: it belongs to user 65532 and group 0"},
		{aNode, 0, 0o600, "<nil>"}, // the group has no rights
	} {
		path := filepath.Join(folder, "file")
		put(t, path, c.uid, c.gid, c.mode)
		if said := runAsNode(t, "-test.run=^"+t.Name()+"$", replaceAsNode+"="+path); !strings.Contains(said, "REPLACED: ") || !strings.Contains(said, c.says) {
			t.Errorf("%+v: said %s", c, said)
		}
		text, err := os.ReadFile(path)
		if replaced := c.says == "<nil>"; err != nil || string(text) == "new" != replaced {
			t.Errorf("%+v: it has %q, %v", c, text, err)
		}
		if all, _ := os.ReadDir(folder); len(all) != 1 {
			t.Errorf("%+v: there are %v", c, all)
		}
	}
}

// runAsNode runs this test's program as a node's user, and returns what it printed. Only root
// may.
func runAsNode(t *testing.T, argument, environ string) string {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program") // that of go test is root's alone
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, argument)
	cmd.Dir, cmd.Env = "/", []string{environ}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: aNode, Gid: aNode}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// Whoever may write in a folder must not choose where a secret is written to, or who reads it.
func TestWhatLiesAboutIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, other := filepath.Join(folder, "file"), filepath.Join(folder, "other")
	put(t, path, os.Getuid(), os.Getgid(), 0o600)
	put(t, other, os.Getuid(), os.Getgid(), 0o644)
	if err := os.Symlink(other, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Replace(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "old" {
		t.Errorf("%q was written elsewhere, %v", text, err)
	}
}

func TestAFolderIsLockedByOne(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	unlock, err := wholefile.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wholefile.LockFolder(folder); err == nil || !strings.Contains(err.Error(), "which another process may have") {
		t.Errorf("it is locked twice: %v", err)
	}
	unlock()
	unlock, err = wholefile.LockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := wholefile.LockFolder(filepath.Join(folder, "none")); err == nil {
		t.Error("a folder that is not there is locked")
	}
}
