package trail

import (
	"os"
	"syscall"
)

// lock keeps others from a file as long as it is open; it does not wait for it.
func lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
