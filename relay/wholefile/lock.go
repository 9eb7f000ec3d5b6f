package wholefile

import (
	"fmt"
	"os"
	"syscall"
)

// Lock keeps others who ask for it from a file, or a folder, as long as it is open. It does not
// wait for who has it.
func Lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// LockFolder is for who changes a file in a folder in more than one step: nobody else has the
// lock until unlock is called, or the process ends. A file cannot carry it, since Replace puts
// another in its place.
func LockFolder(path string) (unlock func(), err error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := Lock(folder); err != nil {
		_ = folder.Close() // err is what matters
		return nil, fmt.Errorf("locking %s, which another process may have: %w", path, err)
	}
	return func() { _ = folder.Close() }, nil // nothing was written to it
}
