package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepRights gives a file, which is the process's own, the owner, the group and the mode of
// another. Where there is none it does nothing.
func keepRights(f *os.File, of string) error {
	old, err := os.Stat(of)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := keepOwner(f, old); err != nil {
		return fmt.Errorf("%s is not replaced: %w", of, err)
	}
	return f.Chmod(old.Mode().Perm())
}

// keepOwner gives a file the owner and the group of another. The group may be lost where it has
// no rights.
func keepOwner(f *os.File, old fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	was, is := old.Sys().(*syscall.Stat_t), now.Sys().(*syscall.Stat_t)
	if was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	err = f.Chown(int(was.Uid), int(was.Gid))
	if err != nil && (was.Uid != is.Uid || old.Mode().Perm()&0o070 != 0) {
		return fmt.Errorf("it belongs to user %d and group %d, which another could not be given: do it as that user, or as root: %w", was.Uid, was.Gid, err)
	}
	return nil
}
