package trail

import (
	"fmt"
	"sync"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// health is what people are told about the trail.
type health struct {
	metrics *metrics.Metrics

	mu    sync.Mutex
	phase phase
	since time.Time // of the phase
	why   string    // the database takes nothing
	// spooled, file and waiting are the records in the spool, whether there is one, and the
	// records in memory.
	spooled, waiting int
	file             bool
	lost             int64
}

type phase int

const (
	resting phase = iota // Run has not begun, or is over
	writing
	away // the database takes nothing
)

func newHealth(m *metrics.Metrics) *health { return &health{metrics: m} }

// enter says which phase it is.
func (h *health) enter(p phase, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.phase, h.since, h.why = p, time.Now(), audit.Clean(why)
	up := 0.0
	if p == away {
		up = 1
	}
	h.metrics.AuditAway.Set(up)
}

// awayFor is for how long the database has taken nothing, 0 while it takes records.
func (h *health) awayFor(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != away {
		return 0
	}
	return now.Sub(h.since)
}

// explain says why the database still takes nothing.
func (h *health) explain(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.why = audit.Clean(why)
}

// count says how much waits, and how much is lost and not told yet.
func (h *health) count(spool *spool, waiting int, lost int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting, h.lost, h.spooled, h.file = waiting, lost, 0, spool != nil
	bytes := int64(0)
	if spool != nil {
		h.spooled, bytes = spool.lines, spool.bytes()
	}
	h.metrics.AuditWaiting.Set(float64(waiting))
	h.metrics.AuditSpooled.Set(float64(h.spooled))
	h.metrics.AuditSpoolBytes.Set(float64(bytes))
}

func (h *health) state(now time.Time) (text string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.phase {
	case resting:
		return "not running", false
	case writing:
		text, ok = "writing", true
		if h.spooled > 0 {
			text = fmt.Sprintf("catching up: %d records wait in the spool", h.spooled)
		}
	case away:
		since := fmt.Sprintf("since %s (%s)", h.since.UTC().Format(time.RFC3339), now.Sub(h.since).Truncate(time.Second))
		text = fmt.Sprintf("waiting %s, %d records in memory: %s", since, h.waiting, h.why)
		if h.file {
			text = fmt.Sprintf("spooling %s, %d records: %s", since, h.spooled+h.waiting, h.why)
		}
	}
	if h.lost > 0 {
		return fmt.Sprintf("%s; %d records were lost", text, h.lost), false
	}
	return text, ok
}
