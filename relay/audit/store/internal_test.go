package store

import (
	"context"
	"database/sql"
	"strings"

	"buildrelay/relay/audit"
)

// VerifyIn is Verify in a transaction of the test's own.
func (db *DB) VerifyIn(ctx context.Context, tx *sql.Tx, heads []audit.Head) ([]audit.Problem, error) {
	_, problems, err := db.verify(ctx, tx, heads)
	return problems, err
}

// Pragma does to the connection of those who write what only their own statements can.
func (db *DB) Pragma(ctx context.Context, statement string) error {
	return db.with(ctx, func(c *connections) error {
		_, err := c.write.ExecContext(ctx, statement)
		return err
	})
}

// Ask is Pragma for one that answers.
func (db *DB) Ask(ctx context.Context, statement string) (answer string, err error) {
	err = db.with(ctx, func(c *connections) error { return c.write.QueryRowContext(ctx, statement).Scan(&answer) })
	return answer, err
}

// Plans are how SQLite would look for a page of Page, and for one of Newest.
func (db *DB) Plans(ctx context.Context, f audit.Filter, p Place) (plans []string, err error) {
	err = db.with(ctx, func(c *connections) error {
		for order, w := range map[string]*where{"at, chain, seq": onward(f, p), "at DESC, chain DESC, seq DESC": backward(f, p)} {
			steps, err := rows(ctx, c.read, func(row *sql.Rows) (step string, err error) {
				var none int
				return step, row.Scan(&none, &none, &none, &step)
			}, "EXPLAIN QUERY PLAN "+w.query(order), append(w.args, 100)...)
			if err != nil {
				return err
			}
			plans = append(plans, strings.Join(steps, "; "))
		}
		return nil
	})
	return plans, err
}
