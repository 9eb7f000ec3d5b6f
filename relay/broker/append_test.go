package broker_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

func TestAnAppendIsReadBack(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		at := l.fill(3)
		c := chain{epoch: at[0].Epoch}
		for i, data := range numbers(1, 3) {
			if want := c.next("e", data); at[i] != want {
				t.Errorf("entry %d is at %s, want %s", i+1, at[i], want)
			}
		}
		page := l.read(protocol.Start{Kind: protocol.StartFirst})
		if diff := cmp.Diff(numbers(1, 3), datas(page)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		if page.Gap() != nil || page.More || page.Top != at[2] || page.End != at[2] || page.Oldest != at[0].ID || page.Bad != 0 {
			t.Errorf("page %+v", page)
		}
		r, err := l.Publish(t.Context(), "1", events("a", "4", "5"))
		if err != nil || r.Positions[1] != func() protocol.Position { c.next("e", "4"); return c.next("e", "5") }() {
			t.Errorf("%v %v", r, err)
		}
		page = l.read(protocol.Start{Kind: protocol.StartSince, Since: at[1]})
		if diff := cmp.Diff(numbers(3, 5), datas(page)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		page = l.read(protocol.Start{Kind: protocol.StartCount, N: 2})
		if diff := cmp.Diff(numbers(4, 5), datas(page)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		page = l.read(protocol.Start{Kind: protocol.StartBytes, N: 4})
		if diff := cmp.Diff(numbers(4, 5), datas(page)); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		tops, err := l.LogTops(t.Context(), []protocol.LogName{{App: "1", Channel: "a"}, {App: "1", Channel: "none"}})
		t.Log(tops, err)
	})
}
