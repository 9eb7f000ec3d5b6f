package checker

import (
	"slices"
	"time"

	"buildrelay/protocol"
)

// Times are measured times, sorted.
type Times []time.Duration

// Median is the one in the middle, 0 if there is none.
func (t Times) Median() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)/2]
}

// Max is the longest, 0 if there is none.
func (t Times) Max() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)-1]
}

// measure fills in the times of the report.
func (c *check) measure() {
	for i := range c.Views {
		if v := &c.Views[i]; !v.Slow {
			c.report.Delay = append(c.report.Delay, c.delays(v)...)
			c.report.Detection = append(c.report.Detection, c.detections(v)...)
		}
	}
	slices.Sort(c.report.Delay)
	slices.Sort(c.report.Detection)
	for _, call := range c.Calls {
		c.report.Slowest = max(c.report.Slowest, call.Slowest)
	}
}

// delays measures from the append, or from when the reader was there and Redis
// could be reached.
func (c *check) delays(v *View) (all Times) {
	var subscribed time.Time
	for _, s := range v.Sights {
		switch s.Kind {
		case Subscribed:
			subscribed = s.Time
		case Entry:
			if appended, ok := c.times[place{v.Channel, s.At}]; ok {
				all = append(all, max(0, s.Time.Sub(c.possible(later(appended, subscribed)))))
			}
		case Position, GapTold, FinalTold, Stale, Fresh, Other, Cut:
		}
	}
	return all
}

// possible is the first time from t on that is in no fault.
func (c *check) possible(t time.Time) time.Time {
	for _, f := range c.Faults {
		if !t.Before(f.Begun) && t.Before(f.Over) {
			t = f.Over
		}
	}
	return t
}

// detections measures, for each fault, from its end or from when the reader was
// there again.
func (c *check) detections(v *View) (all Times) {
	for i, f := range c.Faults {
		next := time.Time{}
		if i+1 < len(c.Faults) {
			next = c.Faults[i+1].Begun
		}
		if took, ok := detection(v.Sights, f.Over, next); ok {
			all = append(all, took)
		}
	}
	return all
}

// detection is the time to the first entry or gap from over on. What is not seen
// before the next fault counts for that one.
func detection(sights []Sight, over, next time.Time) (time.Duration, bool) {
	from, away := over, false
	for _, s := range sights {
		switch {
		case s.Kind == Cut:
			away = true
		case s.Kind == Subscribed:
			away, from = false, later(from, s.Time)
		case away, s.Time.Before(over), s.Kind != Entry && s.Kind != GapTold:
		case !next.IsZero() && s.Time.After(next):
			return 0, false
		default:
			return s.Time.Sub(from), true
		}
	}
	return 0, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// appendedAt is when Redis took the entry.
func appendedAt(l *protocol.Link) time.Time { return time.UnixMilli(l.Time) }
