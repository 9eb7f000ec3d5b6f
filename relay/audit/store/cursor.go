package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Cursor is the number of the last record of a chain that an outlet has taken, 0 before the
// first.
func (db *DB) Cursor(ctx context.Context, outlet, chain string) (int64, error) {
	return read(ctx, db, "how far an outlet is", func(q querier) (seq int64, err error) {
		err = q.QueryRowContext(ctx, db.bind("SELECT seq FROM audit_cursors WHERE outlet = ? AND chain = ?"), outlet, chain).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return seq, err
	})
}

// SetCursor keeps how far an outlet is.
func (db *DB) SetCursor(ctx context.Context, outlet, chain string, seq int64) error {
	err := db.with(ctx, func(c *connections) error {
		_, err := c.write.ExecContext(ctx, db.bind("INSERT INTO audit_cursors (outlet, chain, seq) VALUES (?, ?, ?) "+
			"ON CONFLICT (outlet, chain) DO UPDATE SET seq = excluded.seq"), outlet, chain, seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping how far an outlet of the audit trail is: %w", err)
	}
	return nil
}
