package wholefile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"buildrelay/relay/wholefile"
)

func TestAFileThatOthersMayReadOrChangeIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{
		0o600: true, 0o400: true, 0o700: true,
		0o604: false, 0o602: false, 0o601: false, 0o644: false, 0o660: false, 0o620: false, 0o610: false, 0o666: false,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		text, err := wholefile.ReadPrivate(path, 100)
		switch {
		case good && (err != nil || string(text) != "hunter2"):
			t.Errorf("%04o: %q, %v", mode, text, err)
		case !good && (err == nil || text != nil || !strings.Contains(err.Error(), "others may read or change it; chmod 600 it")):
			t.Errorf("%04o is not refused: %v", mode, err)
		}
	}
	if _, err := wholefile.ReadPrivate(path, 3); err == nil {
		t.Error("it is read though it is too large")
	}
}

// owned is a file of somebody else's.
type owned struct {
	fs.FileInfo
	mode     fs.FileMode
	uid, gid int
}

func (o owned) Mode() fs.FileMode { return o.mode }
func (o owned) Sys() any          { return &syscall.Stat_t{Uid: uint32(o.uid), Gid: uint32(o.gid)} }

// Kubernetes gives a Secret to a process that is not root as a file of root's, which its group may read.
func TestAFileOfRootMayBeReadByAGroupOfTheProcess(t *testing.T) {
	t.Parallel()
	const stranger = 1_000_000
	isRoot := os.Geteuid() == 0
	for _, c := range []struct {
		file owned
		good bool
	}{
		{owned{mode: 0o440, gid: os.Getegid()}, !isRoot}, // who is root needs no group
		{owned{mode: 0o640, gid: os.Getegid()}, !isRoot},
		{owned{mode: 0o400, gid: os.Getegid()}, true},
		{owned{mode: 0o440, gid: stranger}, isRoot}, // that of a process which root looks after
		{owned{mode: 0o640, gid: stranger}, isRoot},
		{owned{mode: 0o460, gid: os.Getegid()}, false},
		{owned{mode: 0o444, gid: os.Getegid()}, false},
		{owned{mode: 0o440, uid: stranger, gid: os.Getegid()}, false},
	} {
		if err := wholefile.CheckPrivate(c.file); (err == nil) != c.good {
			t.Errorf("%04o of %d:%d: %v", c.file.mode, c.file.uid, c.file.gid, err)
		}
	}
}
