package store_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

// twoChains appends 120 records of the same 60 seconds to two chains, and some of them out of
// their order in time.
func twoChains(w *world) {
	for _, chain := range []string{"a", "b"} {
		w.append(chain, entries(chain, 30, 30)...)
		w.append(chain, entries(chain, 0, 30)...)
	}
}

// all is all records that f wants, by pages of n.
func all(t *testing.T, db *store.DB, f audit.Filter, n int) []audit.Stored {
	t.Helper()
	var records []audit.Stored
	for after := (store.Place{}); ; {
		page, err := db.Page(t.Context(), f, after, n)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, page...)
		if len(page) < n {
			return records
		}
		after = throughText(t, store.PlaceOf(page[n-1]))
	}
}

// newest is all from the other end.
func newest(t *testing.T, db *store.DB, f audit.Filter, n int) []audit.Stored {
	t.Helper()
	var records []audit.Stored
	for before := (store.Place{}); ; {
		page, err := db.Newest(t.Context(), f, before, n)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, page...)
		if len(page) < n {
			return records
		}
		before = throughText(t, store.PlaceOf(page[n-1]))
	}
}

// throughText hands a place out and takes it back.
func throughText(t *testing.T, p store.Place) store.Place {
	t.Helper()
	read, err := store.ParsePlace(p.String())
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func inOrder(a, b audit.Stored) int {
	return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), cmp.Compare(a.Chain, b.Chain), cmp.Compare(a.Seq, b.Seq))
}

func ids(records []audit.Stored) []string {
	names := make([]string, len(records))
	for i, s := range records {
		names[i] = s.ID
	}
	return names
}

func filters(t *testing.T, w *world) {
	twoChains(w)
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	everything := all(t, w.DB, audit.Filter{}, 1000)
	if len(everything) != 120 || !slices.IsSortedFunc(everything, inOrder) {
		t.Fatalf("%d records, want 120 in order", len(everything))
	}
	for name, c := range map[string]struct {
		filter audit.Filter
		wants  func(audit.Stored) bool
		n      int
	}{
		"nothing":   {audit.Filter{}, func(audit.Stored) bool { return true }, 120},
		"since":     {audit.Filter{Since: at(50)}, func(s audit.Stored) bool { return !s.OccurredAt.Before(at(50)) }, 20},
		"until":     {audit.Filter{Until: at(50)}, func(s audit.Stored) bool { return s.OccurredAt.Before(at(50)) }, 100},
		"both":      {audit.Filter{Since: at(20), Until: at(22)}, func(s audit.Stored) bool { return s.OccurredAt.Equal(at(20)) || s.OccurredAt.Equal(at(21)) }, 4},
		"never":     {audit.Filter{Since: at(22), Until: at(22)}, func(audit.Stored) bool { return false }, 0},
		"an action": {audit.Filter{Action: "context.create"}, func(s audit.Stored) bool { return s.Action == "context.create" }, 30},
		"actions": {audit.Filter{Action: "relay.subscription.*"}, func(s audit.Stored) bool {
			return s.Action != "context.create" && s.Action != audit.ActionConnectionOpen
		}, 60},
		"more actions":     {audit.Filter{Action: "relay.*"}, func(s audit.Stored) bool { return s.Action != "context.create" }, 90},
		"half a word":      {audit.Filter{Action: "relay.sub.*"}, func(audit.Stored) bool { return false }, 0},
		"the word itself":  {audit.Filter{Action: "context.create.*"}, func(audit.Stored) bool { return false }, 0},
		"an actor":         {audit.Filter{Actor: "user-1"}, func(s audit.Stored) bool { return s.Actor == "user-1" }, 40},
		"a target":         {audit.Filter{Target: "private-build-4"}, func(s audit.Stored) bool { return s.Target == "private-build-4" }, 24},
		"no pattern":       {audit.Filter{Target: "private-build-%"}, func(audit.Stored) bool { return false }, 0},
		"no other case":    {audit.Filter{Actor: "USER-1"}, func(audit.Stored) bool { return false }, 0},
		"what none can be": {audit.Filter{Actor: "user\x00-1\xff"}, func(s audit.Stored) bool { return s.Actor == "user-1" }, 40},
		"all": {audit.Filter{Since: at(10), Until: at(50), Action: "relay.*", Actor: "user-2", Target: "private-build-1"}, func(s audit.Stored) bool {
			return !s.OccurredAt.Before(at(10)) && s.OccurredAt.Before(at(50)) && s.Action != "context.create" && s.Actor == "user-2" && s.Target == "private-build-1"
		}, 4},
	} {
		want := slices.DeleteFunc(slices.Clone(everything), func(s audit.Stored) bool { return !c.wants(s) })
		if len(want) != c.n {
			t.Fatalf("%s: the test wants %d of %d", name, len(want), c.n)
		}
		for _, n := range []int{1000, 17} {
			if got := all(t, w.DB, c.filter, n); !slices.Equal(ids(got), ids(want)) {
				t.Errorf("%s, by pages of %d: %d records, want %d", name, n, len(got), len(want))
			}
			got := newest(t, w.DB, c.filter, n)
			slices.Reverse(got)
			if !slices.Equal(ids(got), ids(want)) {
				t.Errorf("%s, by pages of %d back: %d records, want %d", name, n, len(got), len(want))
			}
		}
	}
}

func pagesForward(t *testing.T, w *world) {
	twoChains(w)
	want := all(t, w.DB, audit.Filter{}, 1000)
	for _, n := range []int{2, 7, 119, 120, 121} {
		if got := all(t, w.DB, audit.Filter{}, n); !slices.Equal(ids(got), ids(want)) {
			t.Errorf("pages of %d have other records than one of all", n)
		}
	}
	f := audit.Filter{Since: start.Add(50 * time.Second)}
	page, err := w.Page(t.Context(), f, store.PlaceOf(want[3]), 1)
	if err != nil || len(page) != 1 || !page[0].OccurredAt.Equal(f.Since) {
		t.Errorf("behind a place before the filter's start: %v, %v", page, err)
	}
}

func pagesBackward(t *testing.T, w *world) {
	twoChains(w)
	want := all(t, w.DB, audit.Filter{}, 1000)
	slices.Reverse(want)
	for _, n := range []int{2, 7, 119, 120, 121} {
		if got := newest(t, w.DB, audit.Filter{}, n); !slices.Equal(ids(got), ids(want)) {
			t.Errorf("pages of %d back have other records than one of all", n)
		}
	}
	f := audit.Filter{Until: start.Add(10 * time.Second)}
	page, err := w.Newest(t.Context(), f, store.PlaceOf(want[3]), 1)
	if err != nil || len(page) != 1 || !page[0].OccurredAt.Equal(f.Until.Add(-time.Second)) {
		t.Errorf("before a place behind the filter's end: %v, %v", page, err)
	}
}

// Records come at both ends and between; those that were there come once each.
func pagesWhileAppending(t *testing.T, w *world) {
	twoChains(w)
	there := ids(all(t, w.DB, audit.Filter{}, 1000))
	var group errgroup.Group
	writer := w.open()
	read := make(chan struct{})
	group.Go(func() error {
		for i := 0; ; i++ {
			some := []audit.Entry{entry("more", 60+i), entry("more", -i-1), entry("between", i%60+1000*i)}
			some[2].OccurredAt = start.Add(time.Duration(i%60) * time.Second)
			if _, err := writer.Append(t.Context(), "more", some); err != nil {
				return err
			}
			select {
			case <-read:
				return nil
			default:
			}
		}
	})
	forward, backward := all(t, w.DB, audit.Filter{}, 5), newest(t, w.DB, audit.Filter{}, 5)
	close(read)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(backward)
	for name, got := range map[string][]audit.Stored{"forward": forward, "backward": backward} {
		if !slices.IsSortedFunc(got, inOrder) {
			t.Errorf("%s: not in order", name)
		}
		old := slices.DeleteFunc(ids(got), func(id string) bool { return !slices.Contains(there, id) })
		if !slices.Equal(old, there) {
			t.Errorf("%s: %d of the records that were there, want each of %d once", name, len(old), len(there))
		}
		if again := len(got) - len(slices.Compact(slices.Sorted(slices.Values(ids(got))))); again > 0 {
			t.Errorf("%s: %d records came twice", name, again)
		}
	}
}

// A page that was looked for by going through everything, or sorted, would take as long as
// the trail is.
func TestAPageIsLookedForByAnIndex(t *testing.T) {
	t.Parallel()
	w := onSQLite(t)
	w.append("node", entries("node", 0, 3)...)
	day := audit.Filter{Since: start, Until: start.Add(24 * time.Hour)}
	filters := []audit.Filter{{}, day, {Action: "context.create"}, {Action: "relay.*"}, {Actor: "user-1"}, {Target: "private-build-1"}}
	for _, f := range filters[2:] {
		f.Since, f.Until = day.Since, day.Until
		filters = append(filters, f)
	}
	filters = append(filters, audit.Filter{Action: "relay.*", Actor: "user-1", Target: "private-build-1"})
	for _, f := range filters {
		for _, p := range []store.Place{{}, {At: start.Add(time.Hour), Chain: "node", Seq: 3}} {
			plans, err := w.Plans(t.Context(), f, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, plan := range plans {
				sorted := strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "USING INDEX audit_records_")
				if begins := p.IsZero() || strings.Contains(plan, "(at,chain,seq)"); sorted || !begins {
					t.Errorf("%+v from %+v: %s", f, p, plan)
				}
			}
		}
	}
}
