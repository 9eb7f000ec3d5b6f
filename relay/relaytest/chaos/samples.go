package chaos

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"buildrelay/relay/relaytest"
)

// Measure is something that a node must give back.
type Measure string

// The measures.
const (
	Goroutines  Measure = "goroutines"
	Descriptors Measure = "descriptors"
	Resident    Measure = "resident MiB"
	Heap        Measure = "heap MiB" // after a collection
	Series      Measure = "series of /metrics"
)

func measures() []Measure { return []Measure{Goroutines, Descriptors, Resident, Heap, Series} }

// Samples are what was measured of one node, in the order of time.
type Samples struct {
	Times  []time.Time
	Values map[Measure][]float64
}

// take measures a node.
func (s *Samples) take(node *relaytest.Relay) error {
	if status, _ := node.AskMetrics("/debug/pprof/heap?gc=1"); status != http.StatusOK {
		return fmt.Errorf("asking for a collection is answered by %d", status)
	}
	_, text := node.AskMetrics("/metrics")
	if s.Values == nil {
		s.Values = make(map[Measure][]float64)
	}
	s.Times = append(s.Times, time.Now())
	for measure, value := range parseMeasures(text) {
		s.Values[measure] = append(s.Values[measure], value)
	}
	return nil
}

// parseMeasures reads /metrics.
func parseMeasures(text string) map[Measure]float64 {
	const mebibyte = 1 << 20
	found := make(map[Measure]float64)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		found[Series]++
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, _ := strconv.ParseFloat(number, 64) // Prometheus' own text
		switch name {
		case "go_goroutines":
			found[Goroutines] = value
		case "process_open_fds":
			found[Descriptors] = value
		case "process_resident_memory_bytes":
			found[Resident] = value / mebibyte
		case "go_memstats_heap_alloc_bytes":
			found[Heap] = value / mebibyte
		}
	}
	return found
}

// Slope is how much the measure grows in an hour, over the last half, by least squares.
func (s *Samples) Slope(m Measure) float64 {
	values := s.Values[m]
	half := len(values) / 2
	return slope(s.Times[half:], values[half:])
}

func slope(times []time.Time, values []float64) float64 {
	var n, sumX, sumY, sumXX, sumXY float64
	for i, y := range values {
		x := times[i].Sub(times[0]).Hours()
		n, sumX, sumY, sumXX, sumXY = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	if spread := n*sumXX - sumX*sumX; spread > 0 {
		return (n*sumXY - sumX*sumY) / spread
	}
	return math.NaN()
}

// Quarters are the means of the first and of the last quarter.
func (s *Samples) Quarters(m Measure) (first, last float64) {
	values := s.Values[m]
	n := len(values) / 4
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	return mean(values[:n]), mean(values[len(values)-n:])
}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// last is the newest value, 0 if there is none.
func (s *Samples) last(m Measure) float64 {
	values := s.Values[m]
	if len(values) == 0 {
		return 0
	}
	return values[len(values)-1]
}
