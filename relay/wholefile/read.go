package wholefile

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// Read reads a file of at most so many bytes. It does not wait for what is no file, such as
// a pipe.
func Read(path string, most int64) ([]byte, error) {
	return read(path, most, func(os.FileInfo) error { return nil })
}

// read reads a file that check has nothing against.
func read(path string, most int64, check func(os.FileInfo) error) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", path)
	}
	if err := check(info); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is too large: it may have %d bytes", path, most)
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}
