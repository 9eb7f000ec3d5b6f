package relaytest

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// For is r as a subtest sees it: what goes wrong fails t, and what it connects
// ends with t. The relay's process stays the business of the test that started it.
func (r *Relay) For(t testing.TB) *Relay {
	seen := *r
	seen.t = t
	return &seen
}

// Metric is the value of a series of /metrics, named with its labels as it is
// written there; 0 if there is none.
func (r *Relay) Metric(series string) float64 {
	r.t.Helper()
	_, all := r.AskMetrics("/metrics")
	found := 0.0
	for line := range strings.Lines(all) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			var err error
			if found, err = strconv.ParseFloat(strings.TrimSpace(text), 64); err != nil {
				r.t.Fatalf("the metric %s: %v", series, err)
			}
		}
	}
	return found
}

// ExpectMetric waits until match is true for the value of a series, and returns
// the value; what says what that means.
func (r *Relay) ExpectMetric(series, what string, match func(float64) bool) float64 {
	r.t.Helper()
	var value float64
	r.Eventually(series+" "+what, func() bool {
		value = r.Metric(series)
		return match(value)
	})
	return value
}

// Eventually waits until done is true; what says what that means.
func (r *Relay) Eventually(what string, done func() bool) {
	r.t.Helper()
	waitFor(r.t, what, 20*time.Millisecond, done)
}
