package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"buildrelay/relay/seal"
)

// keysRetire is 'buildrelay keys retire'.
func keysRetire(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("buildrelay keys retire", flag.ContinueOnError)
	force := flags.Bool("force", false, "remove the key whatever is sealed with it, which nobody can ever open again")
	if err := flags.Parse(args); err != nil {
		return usageError(err)
	}
	if flags.NArg() != 1 {
		return errors.New("keys retire needs the id of one key; 'buildrelay keys list' shows them")
	}
	id, err := seal.ParseKeyID(flags.Arg(0))
	if err != nil {
		return err
	}
	c, err := keysConfig()
	if err != nil {
		return err
	}
	if err := c.retireKey(ctx, id, *force); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%v is retired: give %s to all nodes\n", id, c.KeysFile)
	return err
}

// retireKey removes a key that nothing needs. What the key set itself has against it is found
// before the logs are looked through.
func (c *Config) retireKey(ctx context.Context, id seal.KeyID, force bool) error {
	_, err := c.changeKeys(ctx, func(set *seal.Keyset) (*seal.Keyset, error) {
		next, err := set.Retire(id)
		if err != nil || force {
			return next, err
		}
		if err := c.mayRetire(ctx, id); err != nil {
			return nil, fmt.Errorf("%w (-force removes it all the same)", err)
		}
		return next, nil
	})
	return err
}

// sealsAtMost is how long a node is given to find another keys file, and to end what it seals
// with the keys of before.
const sealsAtMost = time.Minute

// mayRetire says why a key may be needed. Where the file has just been changed nobody can tell:
// what nodes still seal with the key is in no log yet.
func (c *Config) mayRetire(ctx context.Context, id seal.KeyID) error {
	info, err := os.Stat(c.KeysFile)
	if err != nil {
		return err
	}
	if since := time.Since(info.ModTime()); since < sealsAtMost {
		return fmt.Errorf("key %v may seal still: the file was changed %v ago, and nodes may not have taken it. Wait until all tell another key as the one that seals, and at least %v", id, since.Round(time.Second), sealsAtMost)
	}
	as := *c // needed changes the settings
	n := as.needed(ctx)
	return n.err(id)
}
