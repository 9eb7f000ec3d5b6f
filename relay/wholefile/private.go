package wholefile

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// ReadPrivate is Read for a file that holds a secret: one that others may read or change is
// refused.
func ReadPrivate(path string, most int64) ([]byte, error) {
	return read(path, most, CheckPrivate)
}

// CheckPrivate says that others than the process may read or change a file. A file of root that a
// group of the process may read is how Kubernetes hands over secrets, and is fine. Root, who
// needs no group, takes one that a group of others may read: it is for a process which it looks after.
func CheckPrivate(info fs.FileInfo) error {
	mode := info.Mode().Perm()
	if mode&0o077 == 0 || mode&0o037 == 0 && isOfRoot(info) {
		return nil
	}
	return fmt.Errorf("has mode %04o: others may read or change it; chmod 600 it", mode)
}

// isOfRoot says whether a file belongs to root and to a group of the process; for root, to one that
// is not its own.
func isOfRoot(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid != 0 {
		return false
	}
	groups, err := os.Getgroups()
	isOurs := slices.Contains(append(groups, os.Getegid()), int(owner.Gid))
	return err == nil && isOurs != (os.Geteuid() == 0)
}
