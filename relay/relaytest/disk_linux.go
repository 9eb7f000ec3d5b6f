package relaytest

import (
	"errors"
	"syscall"
	"testing"
)

// Disk returns a folder that is a disk of its own, in memory, of a size such as 1m. Where
// nothing may be mounted the test is skipped.
func Disk(t testing.TB, size string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("nothing may be mounted here")
	}
	if err != nil {
		t.Fatalf("mounting a disk of %s: %v", size, err)
	}
	t.Cleanup(func() {
		// What has files open there is closed by what the test registered later.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting a disk: %v", err)
		}
	})
	return dir
}

// RemountDisk makes a Disk ro or rw. It can be made ro while no file is open for writing.
func RemountDisk(t testing.TB, dir, mode string) {
	t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if mode == "ro" {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("none", dir, "tmpfs", flags, ""); err != nil {
		t.Fatalf("remounting a disk %s: %v", mode, err)
	}
}
