package seal

import (
	"context"
	"fmt"

	"buildrelay/relay/recheck"
	"buildrelay/relay/wholefile"
)

// File is a key set in a file, which nobody else may read. A nil File has no keys.
type File struct {
	path string
	kek  KEK
	keys *Keys
	// asks are for a look at once.
	asks recheck.Asks

	// Owned by whoever opens the file and, after that, by Run.
	last     recheck.Digest // what the last look saw
	inForce  recheck.Digest
	refused  recheck.Digest // what was refused last; that of nothing where what is in force is there
	reason   string         // why
	patience int            // looks until it is tried again, where the key that the set is sealed with was away
}

// OpenFile reads the keys. kek is as in [Parse].
func OpenFile(ctx context.Context, path string, kek KEK) (*File, error) {
	f := &File{path: path, kek: kek, asks: make(recheck.Asks)}
	text, seen, err := f.look()
	if err != nil {
		return nil, err
	}
	set, err := Parse(ctx, text, kek)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.keys, f.last, f.inForce = NewKeys(set), seen, seen
	return f, nil
}

// Keys are those of the file. They are in force as Run finds them.
func (f *File) Keys() *Keys {
	if f == nil {
		return nil
	}
	return f.keys
}

// Path is where the file is.
func (f *File) Path() string { return f.path }

// Write puts another set in the file, whole or not at all, and in force. The file must not have
// been changed since it was opened: see wholefile.LockFolder.
func (f *File) Write(ctx context.Context, next *Keyset) error {
	text, err := next.Text(ctx, f.kek)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := wholefile.Replace(f.path, text); err != nil {
		return err
	}
	f.keys.Replace(next)
	return nil
}

// CreateFile makes a file with a set. Where there is one it is an fs.ErrExist.
func CreateFile(ctx context.Context, path string, kek KEK, set *Keyset) error {
	text, err := set.Text(ctx, kek)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return wholefile.Create(path, text)
}

// look reads the file. An error is a content, too.
func (f *File) look() (text []byte, seen recheck.Digest, err error) {
	text, err = wholefile.ReadPrivate(f.path, mostText)
	if err != nil {
		return nil, recheck.DigestOf([]byte(err.Error())), err
	}
	return text, recheck.DigestOf(text), nil
}
