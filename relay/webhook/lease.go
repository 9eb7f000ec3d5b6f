package webhook

import (
	"sync/atomic"
	"time"
)

// leaseTime is for how long after it was polled the outbox counts on this node, less the
// time of a request: afterwards another node may be telling the same.
const leaseTime = 10*time.Second - requestTime

// lease is how long this node may begin to tell. It is safe for concurrent use.
type lease struct{ until atomic.Pointer[time.Time] }

// renew notes when a poll began that succeeded.
func (l *lease) renew(polled time.Time) {
	until := polled.Add(leaseTime)
	l.until.Store(&until)
}

func (l *lease) holds(now time.Time) bool {
	until := l.until.Load()
	return until != nil && now.Before(*until)
}
