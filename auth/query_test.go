package auth

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseQueryKeepsOrderAndDecodes(t *testing.T) {
	const raw = "B=2&a%5b%5D=%41+%zz;x=y&&c"
	tests := []struct {
		plusIsSpace bool
		want        params
	}{
		{false, params{{"b", "2"}, {"a[]", "A+%zz;x=y"}, {"c", ""}}},
		{true, params{{"b", "2"}, {"a[]", "A %zz;x=y"}, {"c", ""}}},
	}
	for _, test := range tests {
		got, err := parseQuery(raw, test.plusIsSpace)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(param{})); diff != "" {
			t.Errorf("plus is space %v (-want +got):\n%s", test.plusIsSpace, diff)
		}
	}
}

func TestBaseStringSortsBytewiseAndStably(t *testing.T) {
	q := params{{"b", "1"}, {"auth_signature", "x"}, {"a[]", "2"}, {"a", "3"}, {"a[]", "1"}, {"a_", "4"}}
	if got, want := baseString("post", "/p", q), "POST\n/p\na=3&a[]=2&a[]=1&a_=4&b=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A base string stands for one list of parameters and no other: it can be taken
// apart again. The order on the wire does not matter, except among equal names.
func FuzzBaseString(f *testing.F) {
	for _, raw := range []string{
		"auth_key=k&auth_timestamp=1&auth_version=1.0&auth_signature=x", "b=2&a=1&a[]=2&a[]=1", "a=%26", "a%3D=1", "x=a;b+c%2C%", "=", "A=1&a=2",
	} {
		f.Add("/apps/3/events", raw, false)
		f.Add("/apps/3/u 1", raw, true)
	}
	f.Fuzz(func(t *testing.T, path, raw string, plusIsSpace bool) {
		q, err := parseQuery(raw, plusIsSpace)
		if err != nil {
			return
		}
		base := baseString("get", path, q)
		rest, ok := strings.CutPrefix(base, "GET\n"+path+"\n")
		if !ok || strings.ContainsAny(rest, "\r\n") {
			t.Fatalf("%q gives %q", raw, base)
		}
		var got params
		for pair := range strings.SplitSeq(rest, "&") {
			if name, value, ok := strings.Cut(pair, "="); ok {
				got = append(got, param{name, value})
			}
		}
		want := slices.DeleteFunc(slices.Clone(q), func(p param) bool { return p.name == "auth_signature" })
		slices.SortStableFunc(want, func(a, b param) int { return strings.Compare(a.name, b.name) })
		if !slices.Equal(want, got) {
			t.Errorf("%q gives %q, which reads as %v", raw, base, got)
		}
		backwards := slices.Clone(q)
		slices.SortStableFunc(backwards, func(a, b param) int { return strings.Compare(b.name, a.name) })
		if again := baseString("GET", path, backwards); again != base {
			t.Errorf("%q gives %q in one order and %q in another", raw, base, again)
		}
	})
}
