package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"buildrelay/relay/audit"
)

const (
	recordColumns = "chain, seq, mac, id, at, action, actor, target, line"
	headColumns   = "chain, seq, mac, at, key, signature"
)

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Chain returns up to n records of a chain, in the order of their numbers, from the one after
// the number on.
func (db *DB) Chain(ctx context.Context, chain string, after int64, n int) ([]audit.Stored, error) {
	return read(ctx, db, "the records of a chain", func(q querier) ([]audit.Stored, error) {
		return db.chain(ctx, q, chain, after+1, n)
	})
}

// Heads returns up to n heads of a chain, as Chain does records.
func (db *DB) Heads(ctx context.Context, chain string, after int64, n int) ([]audit.Head, error) {
	return read(ctx, db, "the heads of a chain", func(q querier) ([]audit.Head, error) {
		return db.heads(ctx, q, chain, after+1, n)
	})
}

// Base is what stands for the records of a chain that were purged, nil where none was.
func (db *DB) Base(ctx context.Context, chain string) (*audit.Head, error) {
	return read(ctx, db, "the base of a chain", func(q querier) (*audit.Head, error) {
		return db.base(ctx, q, chain)
	})
}

// Chains returns the names of all chains, sorted.
func (db *DB) Chains(ctx context.Context) ([]string, error) {
	return read(ctx, db, "the chains", func(q querier) ([]string, error) { return db.chains(ctx, q) })
}

// Last is the end of a chain; its number is 0 where nothing was appended yet.
func (db *DB) Last(ctx context.Context, chain string) (audit.Link, error) {
	return read(ctx, db, "the end of a chain", func(q querier) (audit.Link, error) {
		return db.last(ctx, q, chain)
	})
}

// read asks those connections that are for reading.
func read[T any](ctx context.Context, db *DB, what string, ask func(querier) (T, error)) (T, error) {
	var answer T
	err := db.with(ctx, func(c *connections) (err error) {
		answer, err = ask(c.read)
		return err
	})
	if err != nil {
		return answer, fmt.Errorf("reading %s of the audit trail: %w", what, err)
	}
	return answer, nil
}

func (db *DB) chain(ctx context.Context, q querier, chain string, from int64, n int) ([]audit.Stored, error) {
	return rows(ctx, q, scanRecord, db.bind("SELECT "+recordColumns+
		" FROM audit_records WHERE chain = ? AND seq >= ? ORDER BY seq LIMIT ?"), chain, from, n)
}

func (db *DB) heads(ctx context.Context, q querier, chain string, from int64, n int) ([]audit.Head, error) {
	return rows(ctx, q, func(row *sql.Rows) (audit.Head, error) { return scanHead(row) }, db.bind("SELECT "+headColumns+
		" FROM audit_heads WHERE chain = ? AND seq >= ? ORDER BY seq LIMIT ?"), chain, from, n)
}

func (db *DB) base(ctx context.Context, q querier, chain string) (*audit.Head, error) {
	base, err := scanHead(q.QueryRowContext(ctx, db.bind("SELECT "+headColumns+" FROM audit_bases WHERE chain = ?"), chain))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as Base says
	}
	return &base, err
}

// last is where the chain ends: at its last record, or at its base where all were purged.
func (db *DB) last(ctx context.Context, q querier, chain string) (audit.Link, error) {
	link := audit.Link{Chain: chain}
	err := q.QueryRowContext(ctx, db.bind("SELECT seq, mac FROM audit_records WHERE chain = ? ORDER BY seq DESC LIMIT 1"), chain).
		Scan(&link.Seq, &link.MAC)
	if !errors.Is(err, sql.ErrNoRows) {
		return link, err
	}
	base, err := db.base(ctx, q, chain)
	if base != nil {
		link = base.Link
	}
	return link, err
}

// chains goes from one name to the next: all records need not be looked at.
func (db *DB) chains(ctx context.Context, q querier) ([]string, error) {
	var names []string
	for _, table := range []string{"audit_records", "audit_heads", "audit_bases"} {
		for last := (sql.NullString{}); ; {
			query, args := "SELECT min(chain) FROM "+table, []any(nil)
			if last.Valid {
				query, args = query+" WHERE chain > ?", []any{last.String}
			}
			if err := q.QueryRowContext(ctx, db.bind(query), args...).Scan(&last); err != nil {
				return nil, err
			}
			if !last.Valid {
				break
			}
			names = append(names, last.String)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// rows returns what scan makes of each row.
func rows[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	found, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []T
	for found.Next() {
		one, err := scan(found)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, found.Err()
}

func scanRecord(row *sql.Rows) (audit.Stored, error) {
	var s audit.Stored
	var at int64
	err := row.Scan(&s.Chain, &s.Seq, &s.MAC, &s.ID, &at, &s.Action, &s.Actor, &s.Target, &s.Line)
	s.OccurredAt = time.Unix(0, at).UTC()
	return s, err
}

// scanHead reads headColumns of a *sql.Row or of *sql.Rows.
func scanHead(row interface{ Scan(into ...any) error }) (audit.Head, error) {
	var h audit.Head
	var at int64
	err := row.Scan(&h.Chain, &h.Seq, &h.MAC, &at, &h.Key, &h.Signature)
	if err != nil {
		return audit.Head{}, err
	}
	h.At = time.Unix(0, at).UTC()
	return h, nil
}
