package trail

import (
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps others from a file as long as it is open; it does not wait for it.
func lock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// syncFolder waits until the names in a folder are on the disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// replace puts a file in the place of another: whatever happens, the old or the new is there,
// and never a part.
func replace(path string, content []byte) error {
	temporary := path + ".new"
	err := write(temporary, content)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary) // err is what matters
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// write makes a file and waits until it is on the disk.
func write(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}
