package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"buildrelay/relay/audit"
)

// rowsAtOnce is how many records one statement writes or asks for: few enough arguments for
// both databases, enough for the way to the server not to count.
const rowsAtOnce = 100

const newestHead = "SELECT " + headColumns + " FROM audit_heads WHERE chain = ? ORDER BY seq DESC LIMIT 1"

// Append adds records to the end of a chain, in one commit that is on the disk when Append
// returns: all or none, signed by the head that it returns. Records whose id the trail has
// already, in any chain, are left out, so that who does not know whether a commit came to be
// appends again. Where none is left the head is the newest that the chain has, if any.
//
// Several may append to one chain at the same time; no number is given twice or left out.
func (db *DB) Append(ctx context.Context, chain string, entries []audit.Entry) (audit.Head, error) {
	var head audit.Head
	err := db.with(ctx, func(c *connections) error {
		tx, err := db.begin(ctx, c, chain)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
		head, err = db.append(ctx, tx, chain, entries)
		if err != nil {
			return err
		}
		return tx.Commit()
	})
	if err != nil {
		return audit.Head{}, fmt.Errorf("appending %d records to the audit trail: %w", len(entries), err)
	}
	return head, nil
}

func (db *DB) append(ctx context.Context, tx *sql.Tx, chain string, entries []audit.Entry) (audit.Head, error) {
	entries, err := db.unknown(ctx, tx, entries)
	if err != nil {
		return audit.Head{}, err
	}
	if len(entries) == 0 {
		return db.newest(ctx, tx, chain)
	}
	link, err := db.last(ctx, tx, chain)
	if err != nil {
		return audit.Head{}, err
	}
	for some := range slices.Chunk(entries, rowsAtOnce) {
		if link, err = db.insert(ctx, tx, link, some); err != nil {
			return audit.Head{}, err
		}
	}
	head := db.key.Sign(link, time.Now())
	return head, db.putHead(ctx, tx, "INSERT INTO audit_heads ("+headColumns+") VALUES (?, ?, ?, ?, ?, ?)", head)
}

// unknown returns the entries whose ids the trail does not have, each once.
func (db *DB) unknown(ctx context.Context, tx *sql.Tx, entries []audit.Entry) ([]audit.Entry, error) {
	known := make(map[string]bool)
	for some := range slices.Chunk(entries, rowsAtOnce) {
		ids := make([]any, len(some))
		for i, entry := range some {
			ids[i] = entry.ID
		}
		found, err := rows(ctx, tx, func(row *sql.Rows) (id string, err error) { return id, row.Scan(&id) },
			db.bind("SELECT id FROM audit_records WHERE id IN (?"+strings.Repeat(", ?", len(ids)-1)+")"), ids...)
		if err != nil {
			return nil, fmt.Errorf("looking for records that are there already: %w", err)
		}
		for _, id := range found {
			known[id] = true
		}
	}
	unknown := make([]audit.Entry, 0, len(entries))
	for _, entry := range entries {
		if !known[entry.ID] {
			known[entry.ID] = true
			unknown = append(unknown, entry)
		}
	}
	return unknown, nil
}

// insert writes entries behind link and returns the link of the last.
func (db *DB) insert(ctx context.Context, tx *sql.Tx, link audit.Link, entries []audit.Entry) (audit.Link, error) {
	const columns = 9
	args := make([]any, 0, columns*len(entries))
	for _, e := range entries {
		link = db.key.Next(link, e.Line)
		args = append(args, link.Chain, link.Seq, link.MAC, e.ID, nanoseconds(e.OccurredAt), e.Action, e.Actor, e.Target, e.Line)
	}
	const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
	query := "INSERT INTO audit_records (" + recordColumns + ") VALUES " + row + strings.Repeat(", "+row, len(entries)-1)
	if _, err := tx.ExecContext(ctx, db.bind(query), args...); err != nil {
		return audit.Link{}, fmt.Errorf("writing records: %w", err)
	}
	return link, nil
}

// putHead writes a head, or a base, by a statement that takes headColumns.
func (db *DB) putHead(ctx context.Context, tx *sql.Tx, statement string, h audit.Head) error {
	_, err := tx.ExecContext(ctx, db.bind(statement), h.Chain, h.Seq, h.MAC, nanoseconds(h.At), h.Key, h.Signature)
	if err != nil {
		return fmt.Errorf("writing what is signed: %w", err)
	}
	return nil
}

// newest is the newest head of a chain, the zero value where there is none.
func (db *DB) newest(ctx context.Context, q querier, chain string) (audit.Head, error) {
	head, err := scanHead(q.QueryRowContext(ctx, db.bind(newestHead), chain))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, fmt.Errorf("reading the newest head: %w", err)
	}
	return head, nil
}
