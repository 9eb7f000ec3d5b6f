// Package wholefile writes files that are there whole or not at all, whatever ends the process
// or the machine. Only their owner may read them.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace puts a file in the place of another, if there is one: the old or the new is there,
// and never a part. It is for one process at a time.
func Replace(path string, content []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err = fill(f, content); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary) // err is what matters
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// Create makes a file. Where there is one, or another process is quicker, it is an
// fs.ErrExist.
func Create(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
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
