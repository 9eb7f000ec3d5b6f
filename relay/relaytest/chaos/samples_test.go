package chaos

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// grown are samples every 5 s of something that is 100 at first and grows by so much an hour in
// the second half of ten minutes.
func grown(m Measure, hourly float64) *Samples {
	s := &Samples{Values: make(map[Measure][]float64)}
	start := time.Unix(1_700_000_000, 0)
	for i := range 120 {
		at := time.Duration(5*i) * time.Second
		s.Times = append(s.Times, start.Add(at))
		s.Values[m] = append(s.Values[m], 100+hourly*max(0, at-5*time.Minute).Hours())
	}
	return s
}

func TestGrowthIsThatOfTheLastHalf(t *testing.T) {
	t.Parallel()
	for _, want := range []float64{0, 60, -12} {
		if got := grown(Heap, want).Slope(Heap); math.Abs(got-want) > 0.01 {
			t.Errorf("a growth of %v an hour is measured as %v", want, got)
		}
	}
}

func TestWhatIsNotGivenBackIsFound(t *testing.T) {
	t.Parallel()
	kept := func(before, meanwhile, after *Samples) Kept {
		return Kept{Before: []*Samples{before}, Meanwhile: []*Samples{meanwhile}, After: []*Samples{after}}
	}
	still := func(m Measure) *Samples { return grown(m, 0) }
	for name, k := range map[string]Kept{
		"goroutines":  kept(still(Goroutines), still(Heap), grown(Goroutines, 200)),
		"descriptors": kept(still(Descriptors), still(Heap), grown(Descriptors, 100)),
		"heap":        kept(still(Heap), grown(Heap, 200), still(Heap)),
		"series":      kept(still(Series), grown(Series, 200), still(Series)),
		"keys":        {KeysBefore: 3, KeysAfter: 68},
		"no expiry":   {Lasting: []string{"a"}},
	} {
		if wrong := k.Wrong(); len(wrong) != 1 {
			t.Errorf("%s: found are %q", name, wrong)
		}
	}
	if wrong := kept(still(Heap), still(Heap), still(Heap)).Wrong(); len(wrong) > 0 {
		t.Errorf("nothing is wrong, and found are %q", wrong)
	}
}

func TestMeasuresAreReadFromMetrics(t *testing.T) {
	t.Parallel()
	const text = "# HELP go_goroutines Number\ngo_goroutines 12\nprocess_open_fds 9\nprocess_resident_memory_bytes 3.145728e+07\n" +
		"go_memstats_heap_alloc_bytes 2.097152e+06\nbuildrelay_events_total{by=\"x\"} 4\n"
	want := map[Measure]float64{Goroutines: 12, Descriptors: 9, Resident: 30, Heap: 2, Series: 5}
	if diff := cmp.Diff(want, parseMeasures(text)); diff != "" {
		t.Errorf("measures (- wanted, + got):\n%s", diff)
	}
}
