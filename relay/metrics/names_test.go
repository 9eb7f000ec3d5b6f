package metrics_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"buildrelay/relay/metrics"
)

// names collects the names that its collectors have in /metrics. It is a registerer.
type names map[string]bool

func (n names) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc, 1000)
	c.Describe(descs)
	close(descs)
	for desc := range descs {
		name := descName.FindStringSubmatch(desc.String())[1]
		switch c.(type) {
		case prometheus.Histogram, *prometheus.HistogramVec:
			n[name+"_bucket"], n[name+"_sum"], n[name+"_count"] = true, true, true
		default:
			n[name] = true
		}
	}
	return nil
}

var descName = regexp.MustCompile(`fqName: "(\w+)"`)

func (n names) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		_ = n.Register(c) // never fails
	}
}

func (n names) Unregister(prometheus.Collector) bool { return false }

// allNames are the names of what a node has in /metrics.
func allNames(t *testing.T) names {
	t.Helper()
	n := make(names)
	metrics.New(n)
	metrics.State{Ready: map[string]func() error{"redis": nil}}.Register(n)
	own := len(n)
	n.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if own < 30 || !n["buildrelay_ready"] || !n["buildrelay_api_request_seconds_bucket"] || !n["go_goroutines"] || !n["process_open_fds"] {
		t.Fatalf("the names are not all there: %v", n)
	}
	return n
}

var (
	metricName = regexp.MustCompile(`\b(buildrelay|go|process)_\w+`)
	quoted     = regexp.MustCompile(`"[^"]*"`)
)

// checkExpr says what is wrong with an expression: names that do not exist, none at all,
// or brackets that do not match.
func checkExpr(expr string, known names) error {
	bare := quoted.ReplaceAllString(expr, "")
	used := metricName.FindAllString(bare, -1)
	if len(used) == 0 {
		return fmt.Errorf("%s: names no metric", expr)
	}
	for _, name := range used {
		if !known[name] {
			return fmt.Errorf("%s: there is no %s", expr, name)
		}
	}
	var open []rune
	for _, c := range bare {
		if closing := strings.IndexRune(")]}", c); closing >= 0 {
			if len(open) == 0 || open[len(open)-1] != rune("([{"[closing]) {
				return fmt.Errorf("%s: %c closes nothing", expr, c)
			}
			open = open[:len(open)-1]
		} else if strings.ContainsRune("([{", c) {
			open = append(open, c)
		}
	}
	if len(open) > 0 || strings.Contains(bare, `"`) {
		return fmt.Errorf("%s: something is not closed", expr)
	}
	return nil
}

func TestExpressionsThatAreWrongAreFound(t *testing.T) {
	known := names{"buildrelay_up": true}
	for expr, ok := range map[string]bool{
		`sum(rate(buildrelay_up{why="go_away (["}[5m]))`: true,
		`sum(buildrelay_down)`:                           false,
		`sum(1)`:                                         false,
		`sum(buildrelay_up`:                              false,
		`sum(buildrelay_up))`:                            false,
		`rate(buildrelay_up{why="a}[5m])`:                false,
		`(buildrelay_up]`:                                false,
	} {
		if err := checkExpr(expr, known); (err == nil) != ok {
			t.Errorf("%s: %v", expr, err)
		}
	}
}
