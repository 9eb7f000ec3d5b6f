package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// dialect is all in which SQLite and PostgreSQL differ here.
type dialect struct {
	// connect prepares connections. It does not wait for a server.
	connect func() (*connections, error)
	// there says whether the connections lead to what is there now.
	there func(*connections) bool
	// lost says that a transaction lost a race, or its server, and is to be tried again, gone
	// that a table is not there, stale that the connection it came from may stay of no use.
	lost, gone, stale func(error) bool
	// numbered says that arguments are $1, $2, … and not ?.
	numbered bool
	// lock makes a transaction wait for others of the same number until it ends; empty where
	// one that writes is always alone.
	lock string
	// number, text and blob are types of columns; texts are ordered by their bytes. table
	// stands behind a table.
	number, text, blob, table string
}

// connections are those to one database, apart for those who write and those who read, so
// that no reader keeps a commit waiting.
type connections struct {
	write, read *sql.DB
	file        os.FileInfo // SQLite's; nil otherwise
}

func (c *connections) close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.read.Close(), c.write.Close())
}

// complete says whether all tables are there. It asks for the one that is made last.
func (c *connections) complete(ctx context.Context) error {
	var none int
	err := c.read.QueryRowContext(ctx, "SELECT 1 FROM audit_cursors WHERE seq < 0").Scan(&none)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// prepare makes the tables that are missing. Where none is, nothing is written, so that a
// trail can be read by who may not write.
func (db *DB) prepare(ctx context.Context, c *connections) error {
	if err := c.complete(ctx); err == nil || !db.gone(err) {
		return err
	}
	tx, err := db.begin(ctx, c, "")
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, statement := range db.schema() {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("making the tables: %w", err)
		}
	}
	return tx.Commit()
}

// schema makes all that is not there. The key of records keeps two writers of one chain from
// giving a number twice; the other columns of the indexes are the order of pages.
func (d *dialect) schema() []string {
	link := "chain TEXT NOT NULL, seq NUMBER NOT NULL, mac BLOB NOT NULL, "
	head := link + "at NUMBER NOT NULL, key TEXT NOT NULL, signature BLOB NOT NULL, "
	statements := []string{
		"CREATE TABLE IF NOT EXISTS audit_records (" + link + "id TEXT NOT NULL, at NUMBER NOT NULL, " +
			"action TEXT NOT NULL, actor TEXT NOT NULL, target TEXT NOT NULL, line BLOB NOT NULL, PRIMARY KEY (chain, seq))",
		"CREATE UNIQUE INDEX IF NOT EXISTS audit_records_id ON audit_records (id)",
		"CREATE INDEX IF NOT EXISTS audit_records_at ON audit_records (at, chain, seq)",
		"CREATE INDEX IF NOT EXISTS audit_records_action ON audit_records (action, at, chain, seq)",
		"CREATE INDEX IF NOT EXISTS audit_records_actor ON audit_records (actor, at, chain, seq)",
		"CREATE INDEX IF NOT EXISTS audit_records_target ON audit_records (target, at, chain, seq)",
		"CREATE TABLE IF NOT EXISTS audit_heads (" + head + "PRIMARY KEY (chain, seq))",
		"CREATE TABLE IF NOT EXISTS audit_bases (" + head + "PRIMARY KEY (chain))",
		"CREATE TABLE IF NOT EXISTS audit_cursors (outlet TEXT NOT NULL, chain TEXT NOT NULL, seq NUMBER NOT NULL, PRIMARY KEY (outlet, chain))",
	}
	types := strings.NewReplacer("NUMBER", d.number, "TEXT", d.text, "BLOB", d.blob)
	for i, statement := range statements {
		statements[i] = types.Replace(statement)
		if strings.HasPrefix(statement, "CREATE TABLE") {
			statements[i] += d.table
		}
	}
	return statements
}

// begin begins a transaction that writes to a chain, alone. The empty name is for the tables.
func (db *DB) begin(ctx context.Context, c *connections, chain string) (*sql.Tx, error) {
	tx, err := c.write.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil || db.lock == "" {
		return tx, err
	}
	if _, err := tx.ExecContext(ctx, db.bind(db.lock), number(chain)); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for others who write to the chain: %w", err), tx.Rollback())
	}
	return tx, nil
}

// bind gives the arguments of a query the form that the database knows.
func (d *dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}
