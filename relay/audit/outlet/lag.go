package outlet

import (
	"sync"

	"buildrelay/relay/metrics"
)

// lags are how many records each target does not have. The metric of a kind is the most of it.
type lags struct {
	// Static.
	metrics *metrics.Metrics
	targets []Target

	mu sync.Mutex
	// Owned by whoever has mu.
	behind []int64
}

func newLags(metrics *metrics.Metrics, targets []Target) *lags {
	l := &lags{metrics: metrics, targets: targets, behind: make([]int64, len(targets))}
	for i := range targets {
		l.set(i, 0)
	}
	return l
}

func (l *lags) set(target int, behind int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind[target] = max(behind, 0)
	kind, most := l.targets[target].Kind, int64(0)
	for i, t := range l.targets {
		if t.Kind == kind {
			most = max(most, l.behind[i])
		}
	}
	l.metrics.AuditOutletLag.WithLabelValues(kind).Set(float64(most))
}
