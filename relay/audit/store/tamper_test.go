package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/audit"
)

// tampering is done to the chain "node" of ten records, in commits up to 3, 6, 9 and 10.
type tampering struct {
	name       string
	statements []string
	want       string // the word
	seq        int64
}

// tamperings are in SQL that both databases know.
var tamperings = []tampering{
	{"a line", []string{"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE seq = 2) WHERE seq = 5"}, "edited", 5},
	{"the first line", []string{"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE seq = 2) WHERE seq = 1"}, "edited", 1},
	{"the last line", []string{"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE seq = 2) WHERE seq = 10"}, "edited", 10},
	{"a mac", []string{"UPDATE audit_records SET mac = (SELECT mac FROM audit_records WHERE seq = 2) WHERE seq = 5"}, "edited", 5},
	{"an id", []string{"UPDATE audit_records SET id = 'another' WHERE seq = 5"}, "index", 5},
	{"a time", []string{"UPDATE audit_records SET at = at - 1 WHERE seq = 5"}, "index", 5},
	{"an action", []string{"UPDATE audit_records SET action = 'context.create' WHERE seq = 5"}, "index", 5},
	{"an actor", []string{"UPDATE audit_records SET actor = 'nobody' WHERE seq = 5"}, "index", 5},
	{"a target", []string{"UPDATE audit_records SET target = 'nothing' WHERE seq = 5"}, "index", 5},
	{"dropped", []string{"DELETE FROM audit_records WHERE seq = 5"}, "dropped", 5},
	{"dropped, the first", []string{"DELETE FROM audit_records WHERE seq = 1"}, "dropped", 1},
	{"dropped, many", []string{"DELETE FROM audit_records WHERE seq BETWEEN 4 AND 8"}, "dropped", 4},
	{"dropped, and others moved up", append([]string{"DELETE FROM audit_records WHERE seq = 5"}, move(6, 7, 8, 9, 10, -1)...), "dropped", 5},
	{"inserted in front", []string{"INSERT INTO audit_records SELECT chain, -4, mac, 'another', at, action, actor, target, line FROM audit_records WHERE seq = 5"}, "inserted", -4},
	{"inserted, with the least number of all", []string{"INSERT INTO audit_records SELECT chain, -9223372036854775807 - 1, mac, 'another', at, action, actor, target, line FROM audit_records WHERE seq = 5"}, "inserted", -1 << 63},
	{"inserted between", append(move(10, 9, 8, 7, 6, 5, 1),
		"INSERT INTO audit_records SELECT chain, 5, mac, 'another', at, action, actor, target, line FROM audit_records WHERE seq = 2"), "inserted", 5},
	{"inserted at the end", []string{"INSERT INTO audit_records SELECT chain, 11, mac, 'another', at, action, actor, target, line FROM audit_records WHERE seq = 5"}, "inserted", 11},
	{"inserted, in another chain", []string{"INSERT INTO audit_records SELECT 'other', seq, mac, 'another', at, action, actor, target, line FROM audit_records WHERE seq = 1"}, "", 1},
	{"swapped", []string{
		"UPDATE audit_records SET seq = 100 WHERE seq = 4", "UPDATE audit_records SET seq = 4 WHERE seq = 7", "UPDATE audit_records SET seq = 7 WHERE seq = 100",
	}, "swapped", 4},
	{"swapped neighbours", []string{
		"UPDATE audit_records SET seq = 100 WHERE seq = 4", "UPDATE audit_records SET seq = 4 WHERE seq = 5", "UPDATE audit_records SET seq = 5 WHERE seq = 100",
	}, "swapped", 5},
	{"the end removed, its heads left", []string{"DELETE FROM audit_records WHERE seq > 8"}, "shortened", 9},
	{"the end removed, in the middle of a commit", []string{"DELETE FROM audit_records WHERE seq > 8", "DELETE FROM audit_heads WHERE seq > 8"}, "head", 8},
	{"all records removed", []string{"DELETE FROM audit_records"}, "shortened", 1},
	{"all heads removed", []string{"DELETE FROM audit_heads"}, "head", 10},
	{"the last head removed", []string{"DELETE FROM audit_heads WHERE seq = 10"}, "head", 10},
	{"a head's mac", []string{"UPDATE audit_heads SET mac = (SELECT mac FROM audit_heads WHERE seq = 3) WHERE seq = 6"}, "head", 6},
	{"a head's time", []string{"UPDATE audit_heads SET at = at + 1000000 WHERE seq = 6"}, "head", 6},
	{"a head's number", []string{"UPDATE audit_heads SET seq = 7 WHERE seq = 6"}, "head", 7},
	{"a head's key", []string{"UPDATE audit_heads SET key = 'deadbeef' WHERE seq = 6"}, "head", 6},
	{"a head of another chain", []string{"UPDATE audit_heads SET chain = 'other' WHERE seq = 6"}, "head", 6},
	{"a head as base", []string{
		"INSERT INTO audit_bases SELECT * FROM audit_heads WHERE seq = 6", "DELETE FROM audit_records WHERE seq <= 6",
	}, "head", 6},
}

// move moves records by the last of the numbers, in the order of the others.
func move(numbers ...int) []string {
	by := numbers[len(numbers)-1]
	var statements []string
	for _, seq := range numbers[:len(numbers)-1] {
		statements = append(statements, fmt.Sprintf("UPDATE audit_records SET seq = %d WHERE seq = %d", seq+by, seq))
	}
	return statements
}

func findsTampering(t *testing.T, w *world) {
	w.fill("node", 0, 10)
	if found := w.problems(); len(found) > 0 {
		t.Fatalf("found %v in a sound trail", found)
	}
	for _, c := range tamperings {
		found := w.tampered(c.statements...)
		named := slices.ContainsFunc(found, func(p audit.Problem) bool {
			return strings.HasPrefix(p.What, c.want) && p.Seq == c.seq
		})
		if !named {
			t.Errorf("%s: found %v, want %s of number %d", c.name, found, c.want, c.seq)
		}
	}
	w.sound("node", 10)
}

// tampered is what is found after statements, which are taken back.
func (w *world) tampered(statements ...string) []audit.Problem {
	w.t.Helper()
	ctx := context.WithoutCancel(w.t.Context())
	tx, err := w.raw.BeginTx(ctx, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			w.t.Fatalf("%s: %v", statement, err)
		}
	}
	found, err := w.VerifyIn(ctx, tx, nil)
	if err != nil {
		w.t.Fatalf("%v: %v", statements, err)
	}
	return found
}

func findsMovedBase(t *testing.T, w *world) {
	w.fill("node", 0, 10)
	w.purge(start.Add(4e9), 4, 1)
	for _, statement := range []string{
		"DELETE FROM audit_bases",
		"UPDATE audit_bases SET seq = 3",
		"UPDATE audit_bases SET seq = 5",
		"UPDATE audit_bases SET mac = (SELECT mac FROM audit_records WHERE seq = 5)",
		"UPDATE audit_bases SET signature = (SELECT signature FROM audit_heads WHERE seq = 6)",
		"UPDATE audit_bases SET at = at + 1000000",
		"UPDATE audit_bases SET chain = 'other'",
		"UPDATE audit_bases SET key = 'deadbeef'",
	} {
		if found := w.tampered(statement); len(found) == 0 {
			t.Errorf("found nothing after %s", statement)
		}
	}
	for _, statements := range [][]string{
		{"UPDATE audit_bases SET seq = 5, mac = (SELECT mac FROM audit_records WHERE seq = 5)", "DELETE FROM audit_records WHERE seq = 5"},
		{"DELETE FROM audit_bases", "INSERT INTO audit_bases SELECT * FROM audit_heads WHERE seq = 6", "DELETE FROM audit_records WHERE seq <= 6", "DELETE FROM audit_heads WHERE seq <= 6"},
	} {
		if found := w.tampered(statements...); len(found) == 0 {
			t.Errorf("found nothing after %v", statements)
		}
	}
}

func findsShortened(t *testing.T, w *world) {
	w.fill("node", 0, 7)
	kept := []audit.Head{w.append("node", entries("node", 7, 3)...)}
	if found := w.problems(kept...); len(found) > 0 {
		t.Errorf("found %v in a sound trail", found)
	}
	w.append("node", entries("node", 10, 3)...)
	if found := w.problems(kept...); len(found) > 0 {
		t.Errorf("found %v in a sound trail that has grown", found)
	}
	wants := func(what string) {
		t.Helper()
		found := w.problems(kept...)
		if len(found) == 0 || !strings.HasPrefix(found[0].What, what) || found[0].Chain != "node" {
			t.Errorf("found %v, want %s", found, what)
		}
	}
	w.tamper("DELETE FROM audit_records WHERE seq > 6", "DELETE FROM audit_heads WHERE seq > 6")
	if found := w.problems(); len(found) > 0 {
		t.Fatalf("found %v, of what only a kept head can show", found)
	}
	wants("shortened")
	// The relay goes on, and knows nothing of it.
	w.append("node", entries("node", 20, 10)...)
	wants("head")
	w.tamper("DELETE FROM audit_records", "DELETE FROM audit_heads")
	wants("shortened")
}

func anotherKey(t *testing.T, w *world) {
	w.fill("node", 0, 4)
	if found := newWorld(t, w.database).problems(); len(found) == 0 {
		t.Error("a trail verifies with another key")
	}
}
