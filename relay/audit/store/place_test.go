package store_test

import (
	"testing"
	"time"

	"buildrelay/relay/audit/store"
)

func TestAPlaceIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, p := range []store.Place{
		{},
		{At: start, Chain: "node", Seq: 7},
		{At: start.Add(1), Chain: "node.é\x00/?&", Seq: 1},
		{At: time.Unix(0, -1).UTC(), Seq: -3},
	} {
		got, err := store.ParsePlace(p.String())
		if err != nil || !got.At.Equal(p.At) || got.Chain != p.Chain || got.Seq != p.Seq {
			t.Errorf("%q is read as %+v, %v; want %+v", p.String(), got, err, p)
		}
	}
}

func TestWhatIsNoPlaceIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"1", "1.2", "1.2.3.4", "x.1.bm9kZQ", "1.x.bm9kZQ", "01.1.bm9kZQ", "+1.1.bm9kZQ", "1.1.bm9kZQ==", "1.1.bm9kZR",
		"1.1.*", " 1.1.bm9kZQ", "1.1.bm9kZQ\n", "99999999999999999999.1.bm9kZQ",
	} {
		if p, err := store.ParsePlace(text); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	f.Add("")
	f.Add("1772366400000000000.7.bm9kZQ")
	f.Add("-1.-1.")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := store.ParsePlace(text)
		if err == nil && p.String() != text {
			t.Errorf("%q is read as %q", text, p)
		}
	})
}
