package store_test

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"buildrelay/relay/audit"
)

func appendsInOrder(t *testing.T, w *world) {
	var want []audit.Entry
	for i, n := range []int{1, 99, 100, 101} {
		some := entries("node", 1000*i, n)
		w.append("node", some...)
		want = append(want, some...)
	}
	stored := chainOf(t, w.DB, "node")
	for i, s := range stored {
		if !reflect.DeepEqual(s.Entry, want[i]) {
			t.Fatalf("record %d is %+v, want %+v", i, s.Entry, want[i])
		}
	}
	w.sound("node", len(want))
	some, err := w.Chain(t.Context(), "node", 99, 2)
	if err != nil || len(some) != 2 || some[0].Seq != 100 || some[1].Seq != 101 {
		t.Errorf("two records after 99 are %v, %v", some, err)
	}
}

func commitsOnce(t *testing.T, w *world) {
	before := time.Now().Add(-time.Second)
	head := w.append("node", entries("node", 0, 250)...)
	if err := w.key.CheckHead(head); err != nil {
		t.Error(err)
	}
	if head.Chain != "node" || head.Seq != 250 || head.At.Before(before) || head.At.After(time.Now()) {
		t.Errorf("the head is %+v", head)
	}
	heads, err := w.Heads(t.Context(), "node", 0, 100)
	if diff := cmp.Diff([]audit.Head{head}, heads); diff != "" || err != nil {
		t.Errorf("heads (-returned +kept): %v\n%s", err, diff)
	}
}

// What PostgreSQL and SQLite both refuse stands at the end of many that they would take.
func leavesNothing(t *testing.T, w *world) {
	w.append("node", entry("node", 0))
	w.tamper("CREATE UNIQUE INDEX refuse ON audit_records (target) WHERE target = 'twice'")
	some := entries("node", 1, 250)
	some[3].Target, some[249].Target = "twice", "twice"
	if head, err := w.Append(t.Context(), "node", some); err == nil {
		t.Fatalf("appended what cannot be, up to %d", head.Seq)
	}
	w.tamper("DROP INDEX refuse")
	w.sound("node", 1)
	w.append("node", entries("node", 1, 250)...)
	w.sound("node", 251)
}

func leavesOut(t *testing.T, w *world) {
	w.append("node", entries("node", 0, 3)...)
	some := entries("node", 0, 5) // three of them are there
	some = append(some, some[4], some[3], some[0])
	head := w.append("node", some...)
	if head.Seq != 5 {
		t.Errorf("the head is at %d, want 5", head.Seq)
	}
	w.sound("node", 5)
	w.append("other", append(entries("node", 0, 5), entry("other", 0))...)
	w.sound("other", 1)
	w.append("node", entries("node", 0, 350)...)
	w.sound("node", 350)
}

func nothingNew(t *testing.T, w *world) {
	if head := w.append("node"); head.Seq != 0 || head.Signature != nil {
		t.Errorf("an empty chain has the head %+v", head)
	}
	want := w.append("node", entries("node", 0, 3)...)
	for _, some := range [][]audit.Entry{nil, entries("node", 0, 3), entries("node", 1, 1)} {
		if diff := cmp.Diff(want, w.append("node", some...)); diff != "" {
			t.Errorf("the head (-before +after nothing new):\n%s", diff)
		}
	}
	heads, err := w.Heads(t.Context(), "node", 0, 10)
	if len(heads) != 1 || err != nil {
		t.Errorf("%d heads, %v; want 1", len(heads), err)
	}
}

func racesWithoutHole(t *testing.T, w *world) {
	const writers, commits, each = 4, 10, 3
	var group errgroup.Group
	for writer := range writers {
		db := w.open()
		group.Go(func() error {
			for i := range commits {
				if _, err := db.Append(t.Context(), "node", entries("node", 1000*writer+each*i, each)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	w.sound("node", writers*commits*each)
}

// Several nodes may see the same thing, or take it from the same queue, each for a chain of
// its own.
func comeOnce(t *testing.T, w *world) {
	const writers, commits, each = 3, 10, 4
	var group errgroup.Group
	for writer := range writers {
		db := w.open()
		chain := []string{"a", "b", "c"}[writer]
		group.Go(func() error {
			for i := range commits {
				some := entries("same", each*i, each)
				if writer == 1 {
					slices.Reverse(some)
				}
				if _, err := db.Append(t.Context(), chain, some); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]int)
	for _, chain := range []string{"a", "b", "c"} {
		for _, s := range chainOf(t, w.DB, chain) {
			ids[s.ID]++
		}
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if len(ids) != commits*each {
		t.Errorf("%d records, want %d", len(ids), commits*each)
	}
	if found := w.problems(); len(found) > 0 {
		t.Errorf("found %v in a sound trail", found)
	}
}

func keepsBytes(t *testing.T, w *world) {
	r := audit.New(start.Add(123456789*time.Nanosecond), "context.create", map[string]string{"name": "ä\x00\u2028'\"\\😀" + strings.Repeat("x", 20000)})
	r.Actor, r.Target = audit.Entity{ID: "日本'; DROP TABLE audit_records; --", Type: "user"}, audit.Entity{ID: "", Type: "channel"}
	e, err := audit.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	const chain = "node ?$1%'\"é"
	w.append(chain, e)
	w.sound(chain, 1)
	got := chainOf(t, w.DB, chain)[0]
	if !bytes.Equal(got.Line, e.Line) || !got.OccurredAt.Equal(e.OccurredAt) || got.Actor != e.Actor {
		t.Errorf("kept %+v, want %+v", got.Entry, e)
	}
}

func endsWithContext(t *testing.T, w *world) {
	w.append("node", entry("node", 0))
	tx, err := w.raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// In both it keeps others from writing.
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM audit_records"); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO audit_heads SELECT chain, 2, mac, at, key, signature FROM audit_heads"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err = w.Append(ctx, "node", entries("node", 1, 1))
	if err == nil || time.Since(begun) > relayPatience {
		t.Errorf("after %v: %v, want an error at the end of the context", time.Since(begun), err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.append("node", entry("node", 1))
	w.sound("node", 2)
}

// relayPatience is what a strict relay waits for a commit.
const relayPatience = 2 * time.Second

func saysClosed(t *testing.T, w *world) {
	db := w.open()
	if _, err := db.Append(t.Context(), "node", entries("node", 0, 1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := db.Append(t.Context(), "node", entries("node", 1, 1)); err == nil {
		t.Error("appends after its end")
	}
	if err := db.Check(t.Context()); err == nil {
		t.Error("can be reached after its end")
	}
	w.sound("node", 1)
}

func makesTablesAgain(t *testing.T, w *world) {
	w.append("node", entries("node", 0, 2)...)
	if err := w.Check(t.Context()); err != nil {
		t.Error(err)
	}
	w.tamper("DROP TABLE audit_records", "DROP TABLE audit_heads", "DROP TABLE audit_bases", "DROP TABLE audit_cursors")
	w.append("node", entries("node", 2, 2)...)
	w.sound("node", 2)
}
