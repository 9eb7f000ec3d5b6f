package trail_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/relaytest"
)

// onItsOwnDisk runs the test again in a process that may mount file systems, and says there
// with a folder on one of so many bytes; elsewhere it returns "" when that is done.
func onItsOwnDisk(t *testing.T, bytes int) (folder string) {
	t.Helper()
	if folder := os.Getenv(mountVariable); folder != "" {
		if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size="+strconv.Itoa(bytes)); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mountVariable+"="+t.TempDir())
	root := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	group := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: root, GidMappings: group,
	}
	output, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		t.Fatalf("%v\n%s", err, output)
	case err != nil:
		t.Skipf("file systems cannot be mounted here: %v", err)
	case !strings.Contains(string(output), "--- PASS: "+t.Name()):
		t.Fatalf("it did not run:\n%s", output)
	}
	return ""
}

// resize gives a disk another size, or makes it read-only.
func resize(t *testing.T, folder string, flags uintptr, bytes int) {
	t.Helper()
	if err := unix.Mount("tmpfs", folder, "tmpfs", unix.MS_REMOUNT|flags, "size="+strconv.Itoa(bytes)); err != nil {
		t.Fatal(err)
	}
}

// F20: the database and its spool are on a disk that is full. Then it has room again.
func TestWhileTheDiskIsFullRecordsWaitInMemoryAndTheRestIsTold(t *testing.T) {
	folder := onItsOwnDisk(t, 1<<20)
	if folder == "" {
		return
	}
	key := makeKey(t, folder)
	noted, db, err := openTrail(folder, nil, func(c *trail.Config) { c.Strict = true })
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const room, most = 300, 20_000
	noted.SetRoom(room)
	stop := runTrail(t, noted)
	all := 0
	for full := false; !full; all += 100 {
		batch := make([]audit.Record, 100)
		for i := range batch {
			batch[i] = record(all + i)
		}
		full = noted.Keep(t.Context(), batch) != nil
		wholeSpool(t, key, folder)
		if all > most {
			t.Fatal("the disk does not become full")
		}
	}
	for range 3 * room {
		noted.Note(record(all))
		all++
	}
	relaytest.Eventually(t, "the trail says that it loses records", func() bool {
		text, ok := noted.State()
		return !ok && strings.Contains(text, "were lost")
	})
	if err := noted.Confirm(t.Context(), record(all)); !errors.Is(err, trail.ErrUnrecorded) {
		t.Errorf("in strict mode it says %v", err)
	}
	spooled := wholeSpool(t, key, folder)
	wholeHeads(t, key, folder)
	resize(t, folder, 0, 64<<20)
	relaytest.Eventually(t, "all is in the database", func() bool {
		text, ok := noted.State()
		return ok && text == "writing"
	})
	stop()
	next, lost := 0, 0
	for _, s := range chainOf(t, db) {
		if s.Action == audit.ActionAuditGap {
			r, err := audit.Decode(s.Line)
			if err != nil {
				t.Fatal(err)
			}
			gap := gapOf(t, r)
			lost += int(gap.Count)
			continue
		}
		n, err := strconv.Atoi(s.Target)
		if err != nil || n < next {
			t.Fatalf("after record %d comes %s", next-1, s.Target)
		}
		next = n + 1
	}
	got := len(chainOf(t, db))
	t.Logf("%d were spooled, %d are in the chain, %d are told as lost", spooled, got, lost)
	if lost == 0 || got < room || got+lost < all {
		t.Errorf("%d are in the chain, %d are told as lost", got, lost)
	}
	verified(t, db, folder, key)
	if info, err := os.Stat(filepath.Join(folder, "audit.spool")); err != nil || info.Size() != 0 {
		t.Errorf("the spool is %v, %v", info, err)
	}
}

func TestADiskThatIsReadOnlyAtFirstIsWrittenWhenItIsNot(t *testing.T) {
	folder := onItsOwnDisk(t, 8<<20)
	if folder == "" {
		return
	}
	key := makeKey(t, folder)
	resize(t, folder, unix.MS_RDONLY, 8<<20)
	noted, db, err := openTrail(folder, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := runTrail(t, noted)
	for n := range 100 {
		noted.Note(record(n))
	}
	if err := noted.Keep(t.Context(), []audit.Record{record(100)}); !errors.Is(err, trail.ErrUnrecorded) {
		t.Errorf("it says %v", err)
	}
	if text, ok := noted.State(); ok {
		t.Errorf("the state is %q", text)
	}
	resize(t, folder, 0, 8<<20)
	relaytest.Eventually(t, "all is in the database", func() bool {
		text, ok := noted.State()
		return ok && text == "writing"
	})
	stop()
	if n := len(chainOf(t, db)); n != 101 {
		t.Errorf("%d records", n)
	}
	verified(t, db, folder, key)
}
