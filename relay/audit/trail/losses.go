package trail

import (
	"slices"
	"sync"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// Why records are lost.
const (
	lostMemory   = "memory"     // more waited than there is room for in memory
	lostFull     = "spool_full" // so did more than there is room for in the spool
	lostDisk     = "disk"       // the spool could not be written
	lostSpool    = "spool"      // lines of the spool are not what the trail wrote
	lostEncoding = "encoding"   // a record could not be written down
	lostEnd      = "end"        // the node ended and could neither commit nor spool
)

// quiet is how long nothing must have been lost before that is told, and longest how long
// it is told later at most, in case it goes on.
const (
	quiet   = time.Second
	longest = time.Minute
)

// losses are the records that were lost and that the trail does not tell of yet, by reason.
type losses struct {
	metrics *metrics.Metrics

	mu   sync.Mutex
	gaps map[string]audit.AuditGap
}

func newLosses(m *metrics.Metrics) *losses {
	return &losses{metrics: m, gaps: make(map[string]audit.AuditGap)}
}

// add counts records that are lost, and happened at a time.
func (l *losses) add(reason string, count int, at time.Time) {
	l.metrics.AuditDropped.WithLabelValues(reason).Add(float64(count))
	at = at.UTC()
	l.mu.Lock()
	defer l.mu.Unlock()
	gap, there := l.gaps[reason]
	if !there {
		gap = audit.AuditGap{From: at, Until: at, Reason: reason}
	}
	if at.Before(gap.From) {
		gap.From = at
	}
	if at.After(gap.Until) {
		gap.Until = at
	}
	gap.Count += int64(count)
	l.gaps[reason] = gap
}

// take takes the gaps that can be told: no record is being lost any more, or all counts.
func (l *losses) take(now time.Time, all bool) (gaps []audit.AuditGap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for reason, gap := range l.gaps {
		if all || now.Sub(gap.Until) >= quiet || now.Sub(gap.From) >= longest {
			gaps = append(gaps, gap)
			delete(l.gaps, reason)
		}
	}
	slices.SortFunc(gaps, func(a, b audit.AuditGap) int { return a.From.Compare(b.From) })
	return gaps
}

// count is how many records the trail does not tell of yet.
func (l *losses) count() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, gap := range l.gaps {
		n += gap.Count
	}
	return n
}
