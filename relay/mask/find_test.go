package mask

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// behind is what Find should return of a text that is cut: the hits of all of it, from the
// cut on.
func behind(hits []Hit, cut int) (rest []Hit) {
	for _, h := range hits {
		if h.To > cut {
			rest = append(rest, Hit{max(0, h.From-cut), h.To - cut, h.Kind})
		}
	}
	return rest
}

// sameFound looks whether a set finds in two texts what a masker masks in both as one, also
// when all that it reads of the first is what was open there.
func sameFound(t *testing.T, s *Set, name, before, text string) {
	t.Helper()
	all := before + text
	hits := s.Find("", all)
	got, counts := Star(all, hits)
	want, count := whole(s, all)
	for k, n := range count {
		if int64(counts[k]) != n {
			t.Fatalf("%s: %q has %d of %s, want %d", name, all, counts[k], Kind(k), n)
		}
	}
	if got != want {
		t.Fatalf("%s: %q became %q, want %q", name, all, got, want)
	}
	if diff := cmp.Diff(behind(hits, len(before)), s.Find(before, text)); diff != "" {
		t.Fatalf("%s: %q, then %q (-want +got):\n%s", name, before, text, diff)
	}
}

// openIsEnough looks whether reading what was open finds no less than reading everything.
func openIsEnough(t *testing.T, s *Set, name, before, text string) {
	t.Helper()
	_, open := s.Follow("", before)
	found := s.Find(before[len(before)-open:], text)
	for _, h := range s.Find(before, text) {
		if !slices.ContainsFunc(found, func(f Hit) bool { return f.From <= h.From && f.To >= h.To }) {
			t.Fatalf("%s: %q, then %q: %v is not found in %v behind %d bytes", name, before, text, h, found, open)
		}
	}
}

func TestFindFindsWhatIsMaskedWhereverTheTextIsCut(t *testing.T) {
	values := mustSet(t, Shapes(), "hunter2xyz", "ssecret-1", "aaaaaaab", "1212-1212-1213", "abcabcabc", "first half\nsecond half")
	check := func(s *Set, name, in string) {
		in = in[:min(len(in), 1000)]
		for cut := range len(in) + 1 {
			sameFound(t, s, name, in[:cut], in[cut:])
			openIsEnough(t, s, name, in[:cut], in[cut:])
		}
	}
	for _, tt := range texts {
		check(values, tt.name, tt.in)
		check(mustSet(t, nil, tt.value), tt.name, tt.in)
	}
	for _, tt := range shapeTexts {
		check(values, tt.name, tt.in)
	}
}

func TestFindFindsWhatIsMaskedInRandomTexts(t *testing.T) {
	patterns := hardPatterns()
	s := mustSet(t, Shapes(), hardValues...)
	r := chance(t)
	for range 1200 {
		in := scrap(r, patterns)
		cut := r.IntN(len(in) + 1)
		sameFound(t, s, "random", in[:cut], in[cut:])
	}
}

// What is fed in pieces, each behind what was open, has no value left in it.
func TestWhatIsOpenIsAllThatHasToBeRemembered(t *testing.T) {
	s := mustSet(t, nil, hardValues...)
	r := chance(t)
	for range 500 {
		v := hardValues[r.IntN(len(hardValues))]
		all := patternsOf(v)
		in := "text\n" + all[r.IntN(len(all))] + " text\n"
		var open string
		var hits []Hit
		for at := 0; at < len(in); {
			to := min(len(in), at+1+r.IntN(9))
			found, n := s.Follow(open, in[at:to])
			for _, h := range found {
				hits = append(hits, Hit{h.From + at, h.To + at, h.Kind})
			}
			before := open + in[at:to]
			open, at = before[len(before)-n:], to
		}
		if len(hits) == 0 || hits[len(hits)-1].To < len(in)-len(" text\n") {
			t.Fatalf("found are %v in %q", hits, in)
		}
	}
}

func TestStarsOfSeveralSetsAreOneWhereTheyMeet(t *testing.T) {
	const text = "abcdefghij"
	a := []Hit{{1, 3, JWT}, {6, 8, Value}}
	for _, tt := range []struct {
		name  string
		lists [][]Hit
		want  string
		count Counts
	}{
		{"none", nil, "abcdefghij", Counts{}},
		{"nothing found", [][]Hit{nil, nil}, "abcdefghij", Counts{}},
		{"one", [][]Hit{nil, a}, "a***def***ij", Counts{JWT: 1, Value: 1}},
		{"between", [][]Hit{a, {{4, 5, Value}}}, "a***d***f***ij", Counts{JWT: 1, Value: 2}},
		{"touching", [][]Hit{a, {{3, 6, Value}}}, "a***ij", Counts{JWT: 1}},
		{"around", [][]Hit{a, {{0, 10, AWSKey}}}, "***", Counts{AWSKey: 1}},
		{"inside", [][]Hit{{{0, 10, AWSKey}}, a}, "***", Counts{AWSKey: 1}},
		{"three", [][]Hit{{{0, 1, Value}}, a, {{9, 10, Value}}}, "***def***i***", Counts{Value: 3}},
	} {
		got, count := Star(text, tt.lists...)
		if got != tt.want || count != tt.count {
			t.Errorf("%s: %q with %v, want %q with %v", tt.name, got, count, tt.want, tt.count)
		}
	}
}

func TestWhatNewSetRefusesIsKnownBefore(t *testing.T) {
	values := []string{"hunter2xyz", "", "password", "also-good", "short"}
	_, want := NewSet(values, nil)
	if diff := cmp.Diff(want, Refuse(values)); diff != "" || len(want) != 3 {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// FuzzFind looks whether a text that is cut has the hits of the whole.
func FuzzFind(f *testing.F) {
	for _, tt := range texts {
		f.Add(tt.value, tt.in, len(tt.in)/2)
	}
	for _, tt := range shapeTexts {
		f.Add("hunter2xyz", tt.in, len(tt.in)/3)
	}
	f.Fuzz(func(t *testing.T, value, in string, cut int) {
		in = in[:min(len(in), maxGap/2)]
		s, _ := NewSet(append([]string{value}, hardValues...), Shapes())
		if cut < 0 || cut > len(in) {
			return
		}
		sameFound(t, s, "fuzzed", in[:cut], in[cut:])
	})
}
