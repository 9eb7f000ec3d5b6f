package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"buildrelay/relay/seal"
	"buildrelay/relay/wholefile"
)

// openKeys reads the keys file for a command that changes it, or lists it.
func (c *Config) openKeys(ctx context.Context) (*seal.File, error) {
	kek, err := c.kek()
	if err != nil {
		return nil, err
	}
	file, err := seal.OpenFile(ctx, c.KeysFile, kek)
	return file, wrong("KEYS_FILE", err)
}

// keysCreate is 'buildrelay keys create'.
func keysCreate(ctx context.Context, c Config, out io.Writer) error {
	kek, err := c.kek()
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.KeysFile); err == nil {
		return keysAdd(ctx, c, out)
	}
	first, err := seal.New()
	if err != nil {
		return err
	}
	err = seal.CreateFile(ctx, c.KeysFile, kek, first)
	switch {
	case errors.Is(err, fs.ErrExist): // somebody was quicker
		return keysAdd(ctx, c, out)
	case err != nil:
		return wrong("KEYS_FILE", err)
	}
	_, err = fmt.Fprintf(out, "%v seals: it is the first key of %s\n", first.Seals(), c.KeysFile)
	return err
}

// keysAdd adds a key that only opens.
func keysAdd(ctx context.Context, c Config, out io.Writer) error {
	next, err := c.changeKeys(ctx, (*seal.Keyset).Add)
	if err != nil {
		return err
	}
	ids := next.IDs()
	_, err = fmt.Fprintf(out, "%v is added, and opens only: give %s to all nodes, then 'buildrelay keys rotate' lets it seal\n", ids[len(ids)-1], c.KeysFile)
	return err
}

// keysRotate is 'buildrelay keys rotate'.
func keysRotate(ctx context.Context, c Config, out io.Writer) error {
	next, err := c.changeKeys(ctx, (*seal.Keyset).Rotate)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%v seals from now on; the others open what they have sealed\n", next.Seals())
	return err
}

// changeKeys puts another set into the keys file. While one process does others are refused.
func (c *Config) changeKeys(ctx context.Context, change func(*seal.Keyset) (*seal.Keyset, error)) (*seal.Keyset, error) {
	unlock, err := wholefile.LockFolder(filepath.Dir(c.KeysFile))
	if err != nil {
		return nil, wrong("KEYS_FILE", err)
	}
	defer unlock()
	file, err := c.openKeys(ctx)
	if err != nil {
		return nil, err
	}
	next, err := change(file.Keys().Current())
	if err != nil {
		return nil, wrong("KEYS_FILE", err)
	}
	return next, wrong("KEYS_FILE", file.Write(ctx, next))
}
