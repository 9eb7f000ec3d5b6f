package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/relaytest"
)

// start is when the first record of a test occurred.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an empty trail, and who may write to its database.
type world struct {
	*store.DB
	t        testing.TB
	database string
	key      audit.Key
	raw      *sql.DB
}

func newWorld(t testing.TB, database string) *world {
	t.Helper()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, database: database, key: key}
	w.DB = w.open()
	return w
}

func onSQLite(t testing.TB) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.db")
	w := newWorld(t, path)
	raw, err := sql.Open("sqlite", "file:"+path+"?_busy_timeout=10000&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	w.intrude(raw)
	return w
}

func onPostgres(t testing.TB, server *relaytest.Postgres) *world {
	t.Helper()
	database := server.Schema()
	w := newWorld(t, database)
	w.intrude(server.Connect(database))
	return w
}

// intrude is given what tampers with the trail.
func (w *world) intrude(raw *sql.DB) {
	w.raw = raw
	w.t.Cleanup(func() { _ = raw.Close() })
}

// open opens the trail again, as another node does.
func (w *world) open() *store.DB {
	w.t.Helper()
	db, err := store.Open(w.database, w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			w.t.Errorf("closing the trail: %v", err)
		}
	})
	return db
}

// tamper does what no relay does.
func (w *world) tamper(statements ...string) {
	w.t.Helper()
	for _, statement := range statements {
		if _, err := w.raw.ExecContext(w.t.Context(), statement); err != nil {
			w.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// append appends, and fails the test if it cannot.
func (w *world) append(chain string, entries ...audit.Entry) audit.Head {
	w.t.Helper()
	head, err := w.Append(w.t.Context(), chain, entries)
	if err != nil {
		w.t.Fatal(err)
	}
	return head
}

// fill appends n records to a chain, a few at a time, from the number of a record on.
func (w *world) fill(chain string, from, n int) {
	w.t.Helper()
	const some = 3
	for i := 0; i < n; i += some {
		w.append(chain, entries(chain, from+i, min(some, n-i))...)
	}
}

// problems is what Verify finds.
func (w *world) problems(heads ...audit.Head) []audit.Problem {
	w.t.Helper()
	return problems(w.t, w.DB, heads...)
}

func problems(t testing.TB, db *store.DB, heads ...audit.Head) []audit.Problem {
	t.Helper()
	var found []audit.Problem
	if _, err := db.Verify(context.WithoutCancel(t.Context()), heads, func(p audit.Problem) { found = append(found, p) }); err != nil {
		t.Fatal(err)
	}
	return found
}

// sound fails the test unless the chain has records 1 to n, and everything verifies.
func (w *world) sound(chain string, n int) {
	w.t.Helper()
	stored := chainOf(w.t, w.DB, chain)
	for i, s := range stored {
		if s.Seq != int64(i+1) {
			w.t.Fatalf("after %d records of %s comes number %d", i, chain, s.Seq)
		}
	}
	if len(stored) != n {
		w.t.Errorf("%s has %d records, want %d", chain, len(stored), n)
	}
	if found := w.problems(); len(found) > 0 {
		w.t.Errorf("found %v in a sound trail", found)
	}
}

func chainOf(t testing.TB, db *store.DB, chain string) []audit.Stored {
	t.Helper()
	stored, err := db.Chain(t.Context(), chain, 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// entry is the record i of a chain: one a second, below 0 before the start. Action, actor and
// target go round.
func entry(chain string, i int) audit.Entry {
	round := max(i, -i)
	actions := []string{audit.ActionSubscriptionGrant, audit.ActionSubscriptionEnd, audit.ActionConnectionOpen, "context.create"}
	r := audit.New(start.Add(time.Duration(i)*time.Second), actions[round%len(actions)], map[string]int{"i": i})
	r.ID = audit.NameID(chain, fmt.Sprint(i))
	r.Actor = audit.Entity{ID: fmt.Sprintf("user-%d", round%3), Type: "user"}
	r.Target = audit.Entity{ID: fmt.Sprintf("private-build-%d", round%5), Type: "channel"}
	e, err := audit.Encode(r)
	if err != nil {
		panic(err) // of a record that can be written down
	}
	return e
}

func entries(chain string, from, n int) []audit.Entry {
	all := make([]audit.Entry, n)
	for i := range all {
		all[i] = entry(chain, from+i)
	}
	return all
}
