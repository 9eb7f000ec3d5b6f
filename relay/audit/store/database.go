package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"buildrelay/relay/audit"
)

// tries is how often is tried again what lost a race. Who loses one waits for the winner
// first, so that this many are only lost where something else is wrong.
const tries = 20

var errClosed = errors.New("the audit trail is closed")

// DB is a trail in a database. Goroutines may share it. Its calls wait for the database as
// long as their context lets them.
type DB struct {
	// Static.
	key audit.Key
	dialect

	// current is nil before the first call, and again when tables were lost.
	current atomic.Pointer[connections]
	closed  atomic.Bool
}

// Open reads what the database is: the path of a file, with or without sqlite: in front, or
// postgres://…. It connects to nothing: the database may be away. The first call that gets
// through makes the tables. The error does not show the password.
func Open(database string, key audit.Key) (*DB, error) {
	d, err := parse(database)
	if err != nil {
		return nil, fmt.Errorf("opening the audit trail: %w", err)
	}
	return &DB{key: key, dialect: d}, nil
}

// Check says whether the trail can be read now.
func (db *DB) Check(ctx context.Context) error {
	err := db.with(ctx, func(c *connections) error { return c.complete(ctx) })
	if err != nil {
		return fmt.Errorf("reaching the audit trail: %w", err)
	}
	return nil
}

// Close lets go of the database. Calls that are under way end first.
func (db *DB) Close() error {
	db.closed.Store(true)
	if err := db.current.Swap(nil).close(); err != nil {
		return fmt.Errorf("closing the audit trail: %w", err)
	}
	return nil
}

// with calls do with connections to a database that has the tables, again after a lost race,
// and once more where the tables turn out to be gone.
func (db *DB) with(ctx context.Context, do func(*connections) error) error {
	gone := false
	for try := 1; ; try++ {
		c, err := db.connected(ctx)
		if err == nil {
			err = do(c)
		}
		switch {
		case err == nil || ctx.Err() != nil || try == tries:
			return err
		case db.lost(err):
		case c != nil && !gone && db.gone(err):
			gone = true
			db.drop(c)
		case c != nil && db.stale(err):
			db.drop(c)
			return err
		default:
			return err
		}
	}
}

// connected returns the connections in use, or makes new ones where there are none to what
// is there now.
func (db *DB) connected(ctx context.Context) (*connections, error) {
	for {
		c := db.current.Load()
		closed := db.closed.Load()
		if c != nil && !closed && db.there(c) {
			return c, nil
		}
		db.drop(c)
		if closed {
			return nil, errClosed
		}
		fresh, err := db.connect()
		if err != nil {
			return nil, err
		}
		if err := db.prepare(ctx, fresh); err != nil {
			return nil, errors.Join(err, fresh.close())
		}
		if !db.current.CompareAndSwap(nil, fresh) { // somebody else was first
			_ = fresh.close()
		}
	}
}

// drop closes connections that are of no use any more.
func (db *DB) drop(c *connections) {
	if db.current.CompareAndSwap(c, nil) {
		_ = c.close() // they are of no use
	}
}
