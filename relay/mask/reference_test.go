package mask

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// shown is a byte of a view and its offset in the stream.
type shown struct {
	c  byte
	at int
}

// simpleViews reads a text as the masker does: without line ends, and once without
// sequences, too. gone is, for each offset, how many bytes a view has before it.
func simpleViews(in string) (views [2][]shown, before [2][]int) {
	var seq sequence
	for i := range len(in) {
		isText := seq.step(in[i])
		for v := range views {
			before[v] = append(before[v], len(views[v]))
			if in[i] != '\n' && in[i] != '\r' && (isText || v == 1) {
				views[v] = append(views[v], shown{in[i], i})
			}
		}
	}
	return views, before
}

// simple masks a text as slowly and as plainly as can be: each pattern is compared at
// each place of each view.
func simple(patterns []string, in string) string {
	hidden := make([]bool, len(in)+1)
	joint := make([]bool, len(in)+1) // hidden like the byte before, by one hit
	views, before := simpleViews(in)
	for v, view := range views {
		var text strings.Builder
		for _, s := range view {
			text.WriteByte(s.c)
		}
		for _, p := range patterns {
			for from := 0; ; from++ {
				i := strings.Index(text.String()[from:], p)
				if i < 0 {
					break
				}
				from += i
				begin, end := view[from].at, view[from+len(p)-1].at
				begin = max(begin, floorOf(patterns, text.String(), in, before[v], begin, end))
				for at := begin; at <= end; at++ {
					hidden[at] = true
					joint[at] = joint[at] || at > begin
				}
			}
		}
	}
	var out strings.Builder
	for i := range len(in) {
		switch {
		case !hidden[i]:
			out.WriteByte(in[i])
		case i == 0 || !hidden[i-1]:
			out.WriteString(Stars)
		}
	}
	return out.String()
}

// floorOf is the end of the last line end in a hit before which no more than two bytes
// of any pattern stand, 0 if there is none.
func floorOf(patterns []string, text, in string, before []int, begin, end int) int {
	for at := end; at > begin; at-- {
		if in[at] != '\n' && in[at] != '\r' {
			continue
		}
		head := text[:before[at]]
		if !slices.ContainsFunc(patterns, func(p string) bool { return endsInBeginning(head, p) }) {
			return at + 1
		}
	}
	return 0
}

// endsInBeginning reports whether text ends with at least three bytes that p begins with.
func endsInBeginning(text, p string) bool {
	for n := 3; n <= len(p); n++ {
		if strings.HasSuffix(text, p[:n]) {
			return true
		}
	}
	return false
}

// hardValues repeat their own and each other's beginnings.
var hardValues = []string{"aaaaaaab", "ssecret-1", "1212-1212-1213", "secret-1\nsecret-2\r\n12-121", "a/b+c d?e'f\"g\\h", "ünïcödé<>&"}

// chance is random, and a test that fails tells its seed.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// hardPatterns are all forms of hardValues.
func hardPatterns() (patterns []string) {
	for _, v := range hardValues {
		patterns = append(patterns, patternsOf(v)...)
	}
	return patterns
}

// scrap is a random text of what is hard: parts of values in their forms, sequences,
// line ends, and tokens.
func scrap(r *rand.Rand, patterns []string) string {
	between := []string{"", "", "", "", "\n", "\r\n", "\r", "\x1b[1m", "\x1b[0;31m", "\x1b]0;", "\a", "\x1b\\", "\x1b", "\x1b[", " ", "a", "s", "1", "\x1b_bk;t=1\a", "\x1bP"}
	var b strings.Builder
	for range 1 + r.IntN(12) {
		p := patterns[r.IntN(len(patterns))]
		if r.IntN(6) == 0 {
			p = shapeTexts[r.IntN(len(shapeTexts))].in
		}
		if len(p) > 60 && r.IntN(4) > 0 {
			continue
		}
		from, to := 0, len(p)
		if r.IntN(3) == 0 {
			from, to = r.IntN(len(p)), len(p)
		}
		if r.IntN(3) == 0 {
			to = from + r.IntN(len(p)-from+1)
		}
		for _, c := range []byte(p[from:to]) {
			b.WriteByte(c)
			if r.IntN(8) == 0 {
				b.WriteString(between[r.IntN(len(between))])
			}
		}
		b.WriteString(between[r.IntN(len(between))])
	}
	return b.String()
}

func TestTheAutomatonFindsWhatComparingFinds(t *testing.T) {
	patterns := hardPatterns()
	s := mustSet(t, nil, hardValues...)
	r := chance(t)
	for range 800 {
		in := scrap(r, patterns)
		got, _ := whole(s, in)
		if want := simple(patterns, in); got != want {
			t.Fatalf("%q became\n%q, want\n%q", in, got, want)
		}
	}
}

func TestNoCutsChangeTheOutput(t *testing.T) {
	patterns := hardPatterns()
	s := mustSet(t, Shapes(), hardValues...)
	r := chance(t)
	for range 1200 {
		in := scrap(r, patterns)
		var cuts []int
		for range r.IntN(10) {
			cuts = append(cuts, r.IntN(len(in)+1))
		}
		slices.Sort(cuts)
		if r.IntN(4) == 0 { // byte by byte
			cuts = nil
			for i := range in {
				cuts = append(cuts, i)
			}
		}
		sameHowever(t, s, in, "random", cuts)
	}
}

func sameHowever(t *testing.T, s *Set, in, name string, cuts []int) {
	t.Helper()
	want, hits := whole(s, in)
	if got, count := pieces(s, in, cuts...); got != want || count != hits {
		t.Fatalf("%s, cut at %v: %q became\n%q with %v, want\n%q with %v", name, cuts, in, got, count, want, hits)
	}
}

// FuzzMasker looks whether a value passes, and whether it matters how the stream was cut.
func FuzzMasker(f *testing.F) {
	for _, tt := range texts {
		f.Add(tt.value, tt.in, []byte{3, 1, 200})
	}
	for _, tt := range shapeTexts {
		f.Add("hunter2xyz", tt.in, []byte{20})
	}
	f.Fuzz(func(t *testing.T, value, in string, steps []byte) {
		in = in[:min(len(in), maxGap/2)]
		s, refused := NewSet(append([]string{value}, hardValues...), Shapes())
		var cuts []int
		at := 0
		for _, step := range steps {
			if at += int(step); at > len(in) {
				break
			}
			cuts = append(cuts, at)
		}
		sameHowever(t, s, in, "fuzzed", cuts)
		out, _ := whole(s, in)
		if len(refused) > 0 || strings.Contains(value, "*") {
			return
		}
		views, _ := simpleViews(out)
		for _, p := range patternsOf(value) {
			for _, view := range views {
				var text strings.Builder
				for _, s := range view {
					text.WriteByte(s.c)
				}
				if !strings.Contains(p, "*") && strings.Contains(text.String(), p) {
					t.Errorf("%q passes in %q", p, out)
				}
			}
		}
	})
}
