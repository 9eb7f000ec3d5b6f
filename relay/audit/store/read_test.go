package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

func headsInOrder(t *testing.T, w *world) {
	var want []audit.Head
	for i := range 5 {
		want = append(want, w.append("node", entries("node", 2*i, 2)...))
	}
	heads, err := w.Heads(t.Context(), "node", 2, 3)
	if diff := cmp.Diff(want[1:4], heads); diff != "" || err != nil {
		t.Errorf("three heads after record 2 (-want +got): %v\n%s", err, diff)
	}
}

func lastOfChain(t *testing.T, w *world) {
	link, err := w.Last(t.Context(), "node")
	if diff := cmp.Diff(audit.Link{Chain: "node"}, link); diff != "" || err != nil {
		t.Errorf("an empty chain ends (-want +got): %v\n%s", err, diff)
	}
	head := w.append("node", entries("node", 0, 3)...)
	w.append("other", entry("other", 0))
	link, err = w.Last(t.Context(), "node")
	if diff := cmp.Diff(head.Link, link); diff != "" || err != nil {
		t.Errorf("the chain ends (-want +got): %v\n%s", err, diff)
	}
}

func namesChains(t *testing.T, w *world) {
	names := func(want ...string) {
		t.Helper()
		got, err := w.Chains(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("chains (-want +got): %v\n%s", err, diff)
		}
	}
	names()
	for _, chain := range []string{"b", "a", "é", "B", ""} {
		w.append(chain, entry(chain, 0))
	}
	names("", "B", "a", "b", "é")
	w.tamper("DELETE FROM audit_records WHERE chain = 'a'", "DELETE FROM audit_heads WHERE chain = 'b'")
	names("", "B", "a", "b", "é")
}

func keepsCursors(t *testing.T, w *world) {
	reads := func(outlet, chain string, want int64) {
		t.Helper()
		if got, err := w.Cursor(t.Context(), outlet, chain); got != want || err != nil {
			t.Errorf("%s is at %d of %s, %v; want %d", outlet, got, chain, err, want)
		}
	}
	reads("s3", "node", 0)
	for _, seq := range []int64{7, 1 << 60, 3} {
		if err := w.SetCursor(t.Context(), "s3", "node", seq); err != nil {
			t.Fatal(err)
		}
		reads("s3", "node", seq)
	}
	reads("syslog", "node", 0)
	reads("s3", "other", 0)
}
