package acme

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/acme/autocert"

	"buildrelay/relay/wholefile"
)

// mostBytes is more than an account or a certificate has.
const mostBytes = 1 << 20

// folder is an [autocert.Cache] whose files are there whole, and on the disk when they are
// kept: an ACME server gives only so many certificates for a host in a week.
type folder struct {
	path string
	mu   sync.Mutex // one writes at a time
}

// openFolder makes a folder that nobody else may read.
func openFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for certificates: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("looking at the folder for certificates: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: it has the keys of certificates, and others may read or change it; chmod 700 it", path, mode)
	}
	return &folder{path: path}, nil
}

// Get implements [autocert.Cache].
func (f *folder) Get(_ context.Context, key string) ([]byte, error) {
	text, err := wholefile.Read(f.file(key), mostBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, autocert.ErrCacheMiss
	}
	return text, err
}

// Put implements [autocert.Cache].
func (f *folder) Put(_ context.Context, key string, text []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return wholefile.Replace(f.file(key), text)
}

// Delete implements [autocert.Cache].
func (f *folder) Delete(_ context.Context, key string) error {
	err := os.Remove(f.file(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// file is where a key's text is. Keys are made of hosts, which [CheckHosts] has seen.
func (f *folder) file(key string) string { return filepath.Join(f.path, filepath.Base(key)) }
