package store_test

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/relay/audit"
)

// purge purges, and fails the test unless that many records of that many chains are gone.
func (w *world) purge(before time.Time, count int64, chains int) {
	w.t.Helper()
	got, err := w.Purge(w.t.Context(), before)
	if want := (audit.AuditPurge{Count: count, Before: before, Chains: chains}); got != want || err != nil {
		w.t.Errorf("purged %+v, %v; want %+v", got, err, want)
	}
}

// baseAt fails the test unless the chain has a base at the number; 0 is none.
func (w *world) baseAt(chain string, seq int64) {
	w.t.Helper()
	base, err := w.Base(w.t.Context(), chain)
	switch {
	case err != nil:
		w.t.Error(err)
	case base == nil && seq != 0, base != nil && base.Seq != seq:
		w.t.Errorf("the base of %s is %+v, want number %d", chain, base, seq)
	case base != nil && w.key.CheckBase(*base) != nil:
		w.t.Errorf("the base of %s: %v", chain, w.key.CheckBase(*base))
	}
}

func purgeVerifies(t *testing.T, w *world) {
	w.fill("a", 0, 20)
	w.fill("b", 10, 20)
	w.purge(start, 0, 0)
	w.baseAt("a", 0)
	for _, c := range []struct {
		seconds      int
		count        int64
		chains       int
		baseA, baseB int64
	}{
		{5, 5, 1, 5, 0}, // in the middle of a commit
		{12, 9, 2, 12, 2},
		{12, 0, 0, 12, 2},
		{7, 0, 0, 12, 2},
	} {
		w.purge(start.Add(time.Duration(c.seconds)*time.Second), c.count, c.chains)
		w.baseAt("a", c.baseA)
		w.baseAt("b", c.baseB)
		if found := w.problems(); len(found) > 0 {
			t.Errorf("after %d s: found %v", c.seconds, found)
		}
		if heads, err := w.Heads(t.Context(), "a", 0, 100); err != nil || heads[0].Seq <= c.baseA {
			t.Errorf("after %d s the first head is %+v, %v", c.seconds, heads[0], err)
		}
	}
	if stored := chainOf(t, w.DB, "a"); len(stored) != 8 || stored[0].Seq != 13 {
		t.Errorf("%d records are left", len(stored))
	}
	w.fill("a", 20, 4)
	if found := w.problems(); len(found) > 0 {
		t.Errorf("after more records: found %v", found)
	}
}

// What is old behind what is not has to wait.
func purgesBeginnings(t *testing.T, w *world) {
	w.append("node", entry("node", 0), entry("node", 1), entry("node", 50), entry("node", 2), entry("node", 3))
	w.purge(start.Add(10*time.Second), 2, 1)
	w.baseAt("node", 2)
	if stored := chainOf(t, w.DB, "node"); len(stored) != 3 || stored[0].Seq != 3 {
		t.Errorf("%d records are left", len(stored))
	}
}

func purgesFuture(t *testing.T, w *world) {
	year := 365 * 24 * 60 * 60
	w.append("node", entry("node", 0), entry("node", 100*year), entry("node", 1))
	w.purge(start.Add(time.Hour), 1, 1)
	w.purge(time.Now().Add(time.Minute).UTC().Round(0), 2, 1) // all were committed before
	w.baseAt("node", 3)
}

func purgesAll(t *testing.T, w *world) {
	w.fill("node", 0, 7)
	w.purge(start.Add(time.Hour), 7, 1)
	w.baseAt("node", 7)
	link, err := w.Last(t.Context(), "node")
	if err != nil || link.Seq != 7 {
		t.Errorf("the chain ends at %d, %v; want 7", link.Seq, err)
	}
	if found := w.problems(); len(found) > 0 {
		t.Errorf("found %v in an empty chain", found)
	}
	if head := w.append("node", entry("node", 7)); head.Seq != 8 {
		t.Errorf("goes on with %d, want 8", head.Seq)
	}
	if found := w.problems(); len(found) > 0 {
		t.Errorf("found %v behind the base", found)
	}
	if names, err := w.Chains(t.Context()); !slices.Equal(names, []string{"node"}) || err != nil {
		t.Errorf("the chains are %v, %v", names, err)
	}
}

// More than one commit of Purge is needed, two nodes purge, and another one appends.
func purgesMuch(t *testing.T, w *world) {
	const old = 1100
	var some []audit.Entry
	for i := range old {
		some = append(some, entry("node", i%3600-3600))
		some[i].ID = audit.NameID("old", string(rune(i)))
		some[i].Line = []byte("{}") // shorter than a record
	}
	w.append("node", some...)
	var group errgroup.Group
	purged := make([]audit.AuditPurge, 2)
	for i := range purged {
		db := w.open()
		group.Go(func() (err error) {
			purged[i], err = db.Purge(t.Context(), start)
			return err
		})
	}
	writer := w.open()
	group.Go(func() error {
		for i := range 10 {
			if _, err := writer.Append(t.Context(), "node", entries("node", i, 1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if purged[0].Count+purged[1].Count != old {
		t.Errorf("purged %v, want %d together", purged, old)
	}
	w.baseAt("node", old)
	if found := w.problems(); len(found) > 0 {
		t.Errorf("found %v behind the base", found)
	}
}
