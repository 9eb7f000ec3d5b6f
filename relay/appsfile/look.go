package appsfile

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"
)

// mostSecret is more than a file with a secret needs.
const mostSecret = 64 << 10

// look is what the files held at one time.
type look struct {
	apps    file
	secrets map[string]file // by path
}

// file is what a file held, or why it could not be read.
type file struct {
	text []byte
	err  error
}

// digest tells looks apart.
type digest [sha256.Size]byte

func (l *look) digest() (d digest) {
	h := sha256.New()
	l.apps.write(h)
	for _, path := range slices.Sorted(maps.Keys(l.secrets)) {
		writePart(h, []byte(path))
		l.secrets[path].write(h)
	}
	h.Sum(d[:0])
	return d
}

func (f file) write(h hash.Hash) {
	var failed string
	if f.err != nil {
		failed = f.err.Error()
	}
	writePart(h, []byte(failed))
	writePart(h, f.text)
}

// writePart writes a text so that it is told from two that are written one after the other.
func writePart(h hash.Hash, text []byte) {
	_ = binary.Write(h, binary.BigEndian, int64(len(text)))
	_, _ = h.Write(text)
}

// readFile reads a file of at most so many bytes. It does not wait for one that is none,
// such as a pipe.
func readFile(path string, most int64) file {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return file{err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return file{err: err}
	case !info.Mode().IsRegular():
		return file{err: fmt.Errorf("%s is no file", path)}
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = errors.New(path + " is too large")
	}
	if err != nil {
		return file{err: err}
	}
	return file{text: text}
}
