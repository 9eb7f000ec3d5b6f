package mask

import (
	"strings"
	"testing"
)

// awkwards are the characters that encodings treat in most ways.
const awkwards = "\"'<>&$/+ ~#%"

// ofAlphabet is a value of n bytes.
func ofAlphabet(n int, alphabet string) string {
	b := make([]byte, n)
	state := uint32(n)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = alphabet[int(state>>16)%len(alphabet)]
	}
	return string(b)
}

func TestASetTakesNoMoreThanItsValuesCost(t *testing.T) {
	lines := strings.Repeat(ofAlphabet(60, awkwards+"abcdef")+"\n", 20)
	for name, values := range map[string][]string{
		"one":      {"hunter2-hunter2"},
		"as usual": fakeValues(500),
		"short":    {"#a$b%c", "hunter", "~~\"'\"'"},
		"special":  {ofAlphabet(4<<10, awkwards)},
		"binary":   {ofAlphabet(4<<10, "\x01\x02\x7f\x80\xff")},
		"of lines": {lines, lines + "one more"},
		"awkward":  {awkward, strings.Repeat(awkward, 20)},
		"refused":  {"password", "x"},
		"the same": {"hunter2-hunter2", "hunter2-hunter2", "hunter2-hunter2x"},
		"other":    {strings.Repeat("é😀€ñ", 300)},
	} {
		cost := 0
		for _, v := range values {
			cost += Cost(v)
		}
		empty, _ := NewSet(nil, nil)
		set, _ := NewSet(values, nil)
		if got := set.Size() - empty.Size(); got > cost || len(values) == 1 && 2*got < cost {
			t.Errorf("%s: it takes %d bytes, the values cost %d", name, got, cost)
		}
	}
}

func TestAsManyValuesAreMaskedAsThereIsMemoryFor(t *testing.T) {
	values := []string{"password", "hunter2-hunter2", ofAlphabet(200, awkwards), "another-value"}
	most := 0
	for fit, v := range append(values, "") {
		for _, spare := range []int{0, -1} {
			s, got := NewSetWithin(values, most+spare)
			if want := fit; spare == 0 && got < want || spare < 0 && got >= want && fit > 1 {
				t.Errorf("%d of them are masked, want %d", got, want)
			}
			for i, value := range values[1:] {
				if masked := s.Mask(value) == Stars; masked != (i+1 < got) {
					t.Errorf("of %d that are to be masked number %d is: %v", got, i+1, masked)
				}
			}
		}
		most += Cost(v)
	}
}
