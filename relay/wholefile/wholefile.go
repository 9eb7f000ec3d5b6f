// Package wholefile writes files that are there whole or not at all, whatever ends the process
// or the machine; where there was none, only the owner may read them. And it reads files whole.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace puts a file in the place of another, if there is one: the old or the new is there,
// and never a part. It has the owner, the group and the mode of the old, or is refused. Who
// writes what it has read has to hold [LockFolder].
func Replace(path string, content []byte) error {
	f, err := temporary(path)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is not there any more where it is in its place
	if err := keepRights(f, path); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := fill(f, content); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// Create makes a file. Where there is one, or another process is quicker, it is an
// fs.ErrExist.
func Create(path string, content []byte) error {
	f, err := temporary(path)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := fill(f, content); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// temporary makes a file that nobody else has, with mode 0600, beside another.
func temporary(beside string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(beside), ".new-*")
}

// fill writes all of a file, waits until it is on the disk, and closes it.
func fill(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncFolder waits until the names in a folder are on the disk.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
