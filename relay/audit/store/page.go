package store

import (
	"context"
	"fmt"
	"strings"

	"buildrelay/relay/audit"
)

// Page returns up to n records that f wants, the oldest first, from the one behind the place
// on: PlaceOf the last one goes on. Nothing is left out or comes twice, whatever is appended
// meanwhile; what is appended in front of the place does not come.
func (db *DB) Page(ctx context.Context, f audit.Filter, after Place, n int) ([]audit.Stored, error) {
	return db.page(ctx, onward(f, after), "at, chain, seq", n)
}

// Newest is Page from the other end: the newest first, from the one before the place on.
func (db *DB) Newest(ctx context.Context, f audit.Filter, before Place, n int) ([]audit.Stored, error) {
	return db.page(ctx, backward(f, before), "at DESC, chain DESC, seq DESC", n)
}

func (db *DB) page(ctx context.Context, w *where, order string, n int) ([]audit.Stored, error) {
	query := db.bind(w.query(order))
	return read(ctx, db, "a page", func(q querier) ([]audit.Stored, error) {
		return rows(ctx, q, scanRecord, query, append(w.args, n)...)
	})
}

// onward is what Page asks for: one lower bound alone, for of two the database might begin at
// the wrong one.
func onward(f audit.Filter, after Place) *where {
	w := wanted(f)
	switch {
	case !after.IsZero() && !after.At.Before(f.Since):
		w.place(">", after)
	case !f.Since.IsZero():
		w.and("at >= ?", nanoseconds(f.Since))
	}
	if !f.Until.IsZero() {
		w.and("at < ?", nanoseconds(f.Until))
	}
	return w
}

// backward is what Newest asks for, with one upper bound alone.
func backward(f audit.Filter, before Place) *where {
	w := wanted(f)
	switch {
	case !before.IsZero() && (f.Until.IsZero() || before.At.Before(f.Until)):
		w.place("<", before)
	case !f.Until.IsZero():
		w.and("at < ?", nanoseconds(f.Until))
	}
	if !f.Since.IsZero() {
		w.and("at >= ?", nanoseconds(f.Since))
	}
	return w
}

// where is the condition of a query.
type where struct {
	conditions []string
	args       []any
}

// wanted is what the filter wants apart from the times.
func wanted(f audit.Filter) *where {
	w := &where{}
	if beginning, found := strings.CutSuffix(f.Action, "*"); found {
		// So that no database takes the index on actions, and sorts what it finds for each page.
		w.and(fmt.Sprintf("substr(action, 1, %d) = ?", len([]rune(beginning))), beginning)
	} else if f.Action != "" {
		w.and("action = ?", f.Action)
	}
	if f.Actor != "" {
		w.and("actor = ?", audit.Clean(f.Actor))
	}
	if f.Target != "" {
		w.and("target = ?", audit.Clean(f.Target))
	}
	return w
}

func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

func (w *where) place(than string, p Place) {
	w.and("(at, chain, seq) "+than+" (?, ?, ?)", nanoseconds(p.At), p.Chain, p.Seq)
}

func (w *where) query(order string) string {
	query := "SELECT " + recordColumns + " FROM audit_records"
	if len(w.conditions) > 0 {
		query += " WHERE " + strings.Join(w.conditions, " AND ")
	}
	return query + " ORDER BY " + order + " LIMIT ?"
}
